import { InputError, shown } from '../../errors/input-error.ts';
import { callback, check, checkKinds, signal, span } from '../../lock/known-options.ts';
import { digestOf } from '../inputs.ts';
import { checkKey } from '../options.ts';
import { type StateName, stateOf } from '../state.ts';
import { startInBackground } from './background.ts';
import { exitCodeIn } from './exit-code.ts';
import { type Following, type FollowOptions, follow, lastMadeFrom } from './follow-run.ts';
import { type CommandOptions, checkCommandOptions } from './options.ts';
import { type RunKey, runKey } from './run-key.ts';
import type { Sink } from './sink.ts';
import { stop } from './stop.ts';

/** How the run of a command ended. */
export interface CommandEnd {
  readonly exitCode: number;
  /** Wall-clock times, ISO 8601. */
  readonly started: string;
  readonly finished: string;
  /** Milliseconds. */
  readonly took: number;
}

export interface EndOptions {
  /** Milliseconds until what is left of the process group is killed. Default: as the run was started with. */
  readonly grace?: number | undefined;
}

/**
 * A command that is run once for all who start it under one ID, as `holdfast once ID -- COMMAND` does: runs started
 * here and on the command line are the same ones.
 *
 * Guaranteed: one run of an ID at a time. It is in a process of its own, which outlives this one, and in a session and
 * process group of its own, without input. Its output is logged. A command that a signal ended has no result.
 * Not guaranteed: that a command which was ended half-way left nothing behind.
 *
 * @example
 * const index = new OnceCommand('index', ['./index.sh'], { ttl: 3_600_000 });
 * await index.start();
 * const { exitCode } = await index.follow((chunk, stream) => process[stream].write(chunk));
 */
export class OnceCommand {
  readonly id: string;
  readonly #words: readonly [string, ...string[]];
  readonly #options: CommandOptions;
  readonly #key: RunKey;
  #coming: Following['coming'];
  #finished: Following['finished'];

  /** @throws {InputError} the ID, a word or an option cannot be used. */
  constructor(id: string, words: readonly [string, ...string[]], options: CommandOptions = {}) {
    checkKey(id);
    checkWords(words);
    checkCommandOptions(options);
    this.id = id;
    this.#words = words;
    this.#options = options;
    this.#key = runKey(id, options, words);
  }

  /** What is known of the ID now. */
  state(): StateName {
    return stateOf(this.id, this.#key.place, this.#key.store).name;
  }

  /**
   * Has the command run in the background; resolves as soon as it is known what comes of that: it is `running`,
   * `waiting` for a run that is under way, or `finished`: there is an outcome that counts.
   *
   * @throws {BackgroundError} it could not be started there.
   */
  async start(): Promise<'running' | 'waiting' | 'finished'> {
    const { store } = this.#key;
    const inputs = await digestOf(this.#options.inputs).catch(() => null); // it is told there what is wrong with them
    const last = lastMadeFrom(store, inputs)?.header.id;
    const news = await startInBackground({ ...this.#options, id: this.id, words: this.#words });
    this.#coming = news.event === 'waiting' ? { inputs, last } : undefined;
    this.#finished = news.event === 'end' ? news.run : undefined;
    return news.event === 'end' ? 'finished' : news.event;
  }

  /**
   * Gives the output of the run that is under way, from its beginning and as it comes, until that has ended; of one that is
   * over, all of it at once. Of a run that `start` has waiting behind one with other inputs, gives only its own. What is
   * given of the two streams is in order within each, not across them. When it ends without a result, and somebody who
   * waited runs the command again, goes on with that run: `onNextRun` says where.
   *
   * @throws {OnceStoppedError} it was stopped meanwhile.
   * @throws {NoResultError} there is no run, or its run ended without a result and nobody runs again.
   * @throws the reason of `signal`; what `sink` or `onNextRun` throws. The run goes on.
   */
  async follow(sink: Sink, options: FollowOptions = {}): Promise<CommandEnd> {
    check('sink', sink, callback);
    checkKinds(options, { signal, onNextRun: callback });
    const start = { words: this.#words, coming: this.#coming, finished: this.#finished };
    const record = await follow(this.#key, sink, { ...options, ...start });
    const { started, finished, took } = record.header;
    return { exitCode: exitCodeIn(record), started, finished, took };
  }

  /**
   * Ends the run that is under way, with its whole process group, and all waiting for it; false when there is none.
   *
   * @throws {NotStoppedError} it is part of a program, or cannot be told for certain, and was left alone; or it outlived.
   */
  async stop(options: EndOptions = {}): Promise<boolean> {
    checkKinds(options, { grace: span });
    return stop(this.#key, options);
  }
}

function checkWords(words: readonly unknown[]): void {
  const isWord = (word: unknown) => typeof word === 'string' && !word.includes('\0');
  if (!Array.isArray(words) || words.length === 0 || words[0] === '' || !words.every(isWord)) {
    const got = Array.isArray(words) ? `[${words.map(shown).join(', ')}]` : shown(words);
    throw new InputError('words', `must be a command and its arguments, got ${got}`);
  }
}
