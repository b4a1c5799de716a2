import type { ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { limits } from '../../command/limits/index.ts';
import { startCommand } from '../../command/start.ts';
import { BackgroundError } from '../../errors/once-errors.ts';
import { formatPlan, type News, PLAN_AND_NEWS, parseNews } from './news.ts';
import type { BackgroundCall } from './options.ts';
import { programFile } from './program-file.ts';

/**
 * Makes a call in a process that outlives this one: a session of its own, nothing as input or output, none of the locks
 * around this process, neither by name nor by descriptor. It takes the key's lock itself.
 *
 * The plan goes there by a descriptor, for a list of inputs can be longer than an argument; the words of the command are
 * arguments, byte for byte.
 */
export class Background {
  readonly #process: ChildProcess;
  readonly #line: Duplex;

  constructor({ words, ...plan }: BackgroundCall) {
    const { HOLDFAST_HELD: _, HOLDFAST_RECOVERED: __, ...env } = process.env;
    const runner = programFile('runner');
    if (runner === undefined) throw notInstalled(plan.id);
    this.#process = startCommand({
      words: [process.execPath, runner, ...words],
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      descriptors: [],
      detached: true,
      env,
    });
    const line = this.#process.stdio?.[PLAN_AND_NEWS] as Duplex | undefined;
    if (line === undefined) throw notBegun(plan.id, this.#process);
    this.#line = line;
    this.#line.on('error', () => {}); // it died before it had read its plan: its end tells
    this.#line.write(formatPlan({ ...plan, descriptorLimit: limits.ownDescriptorLimit() }));
    this.#process.unref();
  }

  /** Calls back with all that is told; resolves when nothing more can come: it ended, or died. */
  listen(onNews: (news: News) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      createInterface({ input: this.#line })
        .on('line', (line) => onNews(parseNews(line)))
        .on('close', resolve);
    });
  }

  /** Lets it go: this process may end before it does. */
  leave(): void {
    this.#line.destroy();
  }
}

/** Of a process that was not started, Node.js makes no streams, and tells why later. */
function notBegun(id: string, process: ChildProcess): BackgroundError {
  process.on('error', () => {});
  return new BackgroundError(
    id,
    'No process could be started in the background: too many files are open, or there is no memory. Close some, or raise the limit (ulimit -n).',
  );
}

function notInstalled(id: string): BackgroundError {
  const here = dirname(fileURLToPath(import.meta.url));
  return new BackgroundError(
    id,
    `Nothing can be run in the background from a bundle without the package: install holdfast beside ${here}.`,
  );
}

/** Makes a call in the background; resolves when it runs there, waits for another's run, or is over already. */
export async function startInBackground(call: BackgroundCall): Promise<Exclude<News, { event: 'error' }>> {
  const background = new Background(call);
  let first: News | undefined;
  await new Promise<void>((resolve, reject) => {
    background
      .listen((news) => {
        first ??= news;
        resolve();
      })
      .then(resolve, reject);
  });
  background.leave();
  if (first === undefined)
    throw new BackgroundError(call.id, 'The process in the background ended before it could begin.');
  if (first.event === 'error') throw new BackgroundError(call.id, first.message, first);
  return first;
}
