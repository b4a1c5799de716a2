import { readFileSync } from 'node:fs';
import type { OnceOptions, RunContext } from 'holdfast/once';
import { once } from 'holdfast/once';
import type { Remote } from '../support/agent.ts';

/** Work that counts how often it ran, and can be called once with options. */
export class Work {
  runs = 0;
  readonly key: string;
  readonly #body: (context: RunContext, runs: number) => unknown;

  constructor(body: (context: RunContext, runs: number) => unknown = (_, runs) => runs, key = 'build') {
    this.key = key;
    this.#body = body;
  }

  once(options: OnceOptions = {}): Promise<unknown> {
    return once(this.key, (context) => this.#body(context, ++this.runs), options);
  }
}

/** For `Agent.run`: work that leaves a line in a file each time it runs, and returns who ran it. */
export const countedOnce = ({ once, fs }: Remote, key: string, file: string, options: OnceOptions) =>
  once(
    key,
    async ({ attempt }) => {
      fs.appendFileSync(file, `${process.pid}\n`);
      return { by: process.pid, attempt };
    },
    options,
  );

export function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
