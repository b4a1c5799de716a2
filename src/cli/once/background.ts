import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { printable } from '../../errors/describe.ts';
import { onLockEvent } from '../../events/channel.ts';
import { actFor } from '../../identity/self.ts';
import { failureIn } from '../../once/failure.ts';
import { trace } from '../../trace/trace.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError, exitCodeOf } from '../report.ts';
import { exactWords } from '../run/bytes.ts';
import { Interruption } from './interruption.ts';
import { type OnceCall, type OnceFlags, shownWords } from './options.ts';
import { type Performed, perform } from './perform.ts';
import { unrecordedFailure } from './present.ts';
import { taskOfCall } from './task.ts';

/** What the process in the background tells the one that started it, one line each. */
export type News =
  /** It waits for another one's run. */
  | { readonly event: 'waiting' }
  /** It is about to run the command. */
  | { readonly event: 'running' }
  /** There is an outcome on record. */
  | { readonly event: 'end'; readonly exitCode: number }
  /** There is none, and this is why. */
  | { readonly event: 'error'; readonly exitCode: number; readonly message: string };

/** The descriptor on which the news are told. */
const NEWS = 3;

/**
 * Starts the call anew in a process that outlives this one: a session of its own, nothing as input or output, none of
 * the locks around this process. It takes the task's lock itself.
 */
export class Background {
  readonly #process: ChildProcess;
  readonly #news: Readable;

  constructor({ id, words, flags }: OnceCall) {
    const { HOLDFAST_HELD: _, ...env } = process.env;
    const main = process.argv[1] ?? '';
    const args = [
      main,
      'once',
      `--in-background=${words.length}`,
      ...optionWords(flags),
      '--id',
      id,
      '--',
      ...exactWords(words as [string, ...string[]]),
    ];
    this.#process = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
      env,
    });
    this.#news = this.#process.stdio[NEWS] as Readable;
    this.#process.unref();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Calls back with all that is told; resolves when nothing more can come: it ended, or died. */
  listen(onNews: (news: News) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      createInterface({ input: this.#news })
        .on('line', (line) => onNews(JSON.parse(line) as News))
        .on('close', resolve);
    });
  }

  /** Lets it go: this process may end before it does. */
  leave(): void {
    this.#news.destroy();
  }
}

/** The options that matter to a run, as words again. */
function optionWords({ directory, ttl, failureTtl, attempts, validate, inputs, scope }: OnceFlags): string[] {
  const spans = { ttl, 'failure-ttl': failureTtl };
  return [
    ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ...(scope === undefined ? [] : [`--scope=${scope}`]),
    ...(validate === undefined ? [] : [`--validate=${validate}`]),
    ...(attempts === undefined ? [] : [`--attempts=${attempts}`]),
    ...Object.entries(spans).flatMap(([name, ms]) => (ms === undefined ? [] : [`--${name}=${ms}ms`])),
    ...(inputs === undefined ? [] : ['--inputs', ...inputs]),
  ];
}

/** The process in the background: runs the command, or waits for who runs it, and says how it goes. */
export async function runInBackground(call: OnceCall): Promise<void> {
  const interruption = new Interruption();
  try {
    const task = taskOfCall(call);
    const path = task.place.locks.pathOf({ name: task.place.lock });
    actFor(shownWords(call).join(' '));
    trace?.(path, `process ${process.pid} sees to ${call.id} in the background`);
    onLockEvent('waiting', (event) => {
      if (event.path === path) tell({ event: 'waiting' });
    });
    const onRun = () => tell({ event: 'running' });
    const performed = await perform(call, task, { output: 'background', interruption, onRun });
    tell(newsOf(call, performed));
    process.exit(performed.exitCode);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ event: 'error', exitCode: exitCodeOf(error), message });
    process.exit(exitCodeOf(error));
  }
}

/** What is not on record cannot be looked up by the one that started this process. */
function newsOf({ id }: OnceCall, { record, exitCode, unrecorded }: Performed): News {
  if (unrecorded === undefined) return { event: 'end', exitCode };
  const how = failureIn(record).message;
  const message = `${printable(id)} failed: ${printable(how)}. ${unrecordedFailure(id, unrecorded)}`;
  return { event: 'error', exitCode, message };
}

function tell(news: News): void {
  try {
    writeSync(NEWS, `${JSON.stringify(news)}\n`);
  } catch {
    // Nobody listens any more.
  }
}

/** Starts the call in the background; resolves when it runs there, waits for another's run, or is over already. */
export async function detach(call: OnceCall): Promise<News> {
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
  if (first === undefined) {
    throw new CliError(exitCodes.failure, 'the process in the background ended before it could begin');
  }
  return first;
}
