import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Child } from '../support/child.ts';
import { Latch } from '../support/latch.ts';
import { until } from '../support/until.ts';
import { Cli } from './cli.ts';

interface State {
  readonly id: string;
  readonly state: string;
  readonly by?: { readonly pid: number };
}

/** A task that is under way until its gate is opened, and then prints its result. */
export class Task {
  readonly cli = new Cli();
  readonly runs = join(this.cli.home, 'runs');
  readonly #gate = new Latch(join(this.cli.home, 'gate'));
  readonly words: readonly string[];

  constructor(atTheEnd = 'echo finished by $$') {
    const wait = `(read -r _ <> ${this.#gate.path})`; // not `: <`: of that, dash complains when a signal comes
    this.words = ['sh', '-c', `echo $$ >> ${this.runs}; echo started; ${wait}; ${atTheEnd}`];
    onTestFinished(async () => {
      this.open();
      await this.cli.run(['once', 'clean', '--all', '--stop']);
    });
  }

  open(): void {
    this.#gate.open();
    appendFileSync(this.#gate.path, '\n'.repeat(100)); // a line for each run
  }

  start(...flags: readonly string[]): Child {
    return this.cli.start(['once', ...flags, 'task', '--', ...this.words]);
  }

  /** The process ids of the command, one for each of its runs. */
  get pids(): number[] {
    return existsSync(this.runs)
      ? readFileSync(this.runs, 'utf8').split('\n').filter(Boolean).map(Number)
      : [];
  }

  async begun(runs = 1): Promise<number> {
    await until(() => this.pids.length >= runs, `run ${runs} begins`);
    return this.pids.at(-1) as number;
  }

  async state(): Promise<State | undefined> {
    const states = (await this.cli.json(['once', 'ls', '--json'])) as State[];
    return states.find(({ id }) => id === 'task');
  }

  /** The process that runs the command. */
  async runner(): Promise<number> {
    return (await this.state())?.by?.pid as number;
  }
}

export const isAlive = (pid: number) => {
  try {
    return statOf(pid)[0] !== 'Z';
  } catch {
    return false;
  }
};
export const statOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** A command that leaves a line in a file each time it runs, and goes on with a script. */
export function counted(cli: Cli, script: string): { words: string[]; runs: () => number } {
  const file = join(cli.home, 'runs');
  const words = ['sh', '-c', `echo run >> ${file}; ${script}`];
  return { words, runs: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0) };
}
