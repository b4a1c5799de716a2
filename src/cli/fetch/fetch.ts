import { join } from 'node:path';
import { isatty } from 'node:tty';
import type { Cache } from '../../cache/cache.ts';
import type { Entry, EntryInfo } from '../../cache/entry.ts';
import { Layout } from '../../cache/layout.ts';
import { isKept } from '../../cache/mirror.ts';
import type { Progress } from '../../cache/options.ts';
import { isStamped } from '../../cache/publish.ts';
import { hashFile } from '../../content/hash.ts';
import { systemCode } from '../../errors/base.ts';
import { CacheDirectoryError } from '../../errors/cache-errors.ts';
import { bytes, duration, printable } from '../../errors/describe.ts';
import { InputError } from '../../errors/input-error.ts';
import { BusyError, LockError, TimeoutError } from '../../errors/lock-errors.ts';
import { onCacheEvent } from '../../events/cache-channel.ts';
import { onLockEvent } from '../../events/channel.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { performance } from '../../time/time.ts';
import { openForCommand } from '../cache/open.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson, tellJson } from '../output/json.ts';
import { note, print } from '../output/text.ts';
import { messageOf, report, resourceOf } from '../report.ts';
import { Bars } from './bars.ts';
import { fileNameFor } from './file-name.ts';
import { Interruption } from './interruption.ts';
import { Lines } from './lines.ts';
import { type FetchCall, type FetchFlags, type Job, readCall } from './options.ts';
import { Task } from './task.ts';
import type { View } from './view.ts';

/** Fetches all addresses, and prints the path of each on standard output, in their order, as soon as it is there. */
export async function fetchAll(words: readonly string[], flags: FetchFlags): Promise<void> {
  const call = readCall(words, flags);
  const cache = await openForCommand(call.directory, call.timeout);
  const view = flags.json !== true && isatty(2) ? new Bars() : new Lines(flags);
  const interruption = new Interruption(() => view.close());
  const fetching = new Fetching({ call, flags, cache, view, signal: interruption.signal });
  try {
    process.exitCode = await fetching.all();
  } finally {
    view.close();
    if (interruption.isReceived) {
      await interruption.untilPutAway();
      fetching.tellOfRest();
    }
    cache.close();
    interruption.end();
  }
}

interface Means {
  readonly call: FetchCall;
  readonly flags: FetchFlags;
  readonly cache: Cache;
  readonly view: View;
  readonly signal: AbortSignal;
}

/** What became of an address: what to print, or with which code it failed. */
type Outcome = { readonly job: Job; readonly entry: Entry } | { readonly code: number };

class Fetching {
  readonly #means: Means;
  readonly #tasks = new Map<string, Task>();
  readonly #outcomes = new Map<Job, Outcome>();
  /** Which address has which file of the directory. */
  readonly #files = new Map<string, Job>();
  #printed = 0;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Resolves to the exit code. */
  async all(): Promise<number> {
    const { call, signal } = this.#means;
    const stop = this.#follow();
    const rest = [...new Set(call.jobs)];
    const lane = async () => {
      for (let job = rest.shift(); job !== undefined && !signal.aborted; job = rest.shift()) {
        this.#outcomes.set(job, await this.#outcomeOf(job));
        this.#printInOrder();
      }
    };
    await Promise.all(Array.from({ length: Math.min(call.parallel, rest.length) }, lane));
    stop();
    const codes = [...this.#outcomes.values()].flatMap((outcome) => ('code' in outcome ? outcome.code : []));
    const gravest = [exitCodes.failure, exitCodes.no, exitCodes.timeout].find((code) => codes.includes(code));
    return gravest ?? exitCodes.success;
  }

  /** What was interrupted, and how it goes on. */
  tellOfRest(): void {
    const { cache, flags } = this.#means;
    for (const task of this.#tasks.values()) {
      if (flags.json === true) tellInterrupted(cache, task.job);
      else if (task.isWaiting) note(`${task.name}: interrupted while ${task.wait}, which goes on`);
      else note(`${task.name}: interrupted; ${nextStep(cache, task.job, flags)}`);
    }
  }

  async #outcomeOf(job: Job): Promise<Outcome> {
    const { cache, view, flags, signal } = this.#means;
    const task = new Task(job, cache);
    this.#tasks.set(job.key, task);
    try {
      const entry = await this.#fetch(job, task);
      view.ended(task, summaryOf(task, entry));
      this.#tasks.delete(job.key);
      return { job, entry };
    } catch (error) {
      view.ended(task, undefined);
      if (signal.aborted) return { code: exitCodes.no }; // its task stays, to be told of
      this.#tasks.delete(job.key);
      const code = exitCodeOf(error);
      view.print(() => tell(error, task, code, flags));
      return { code };
    }
  }

  async #fetch(job: Job, task: Task): Promise<Entry> {
    const { call, cache, view, signal } = this.#means;
    const { to, integrity, policy, allowEmpty } = call;
    const options = {
      policy,
      signal,
      allowEmpty,
      ...(integrity === undefined ? {} : { integrity }),
      onProgress: ({ done, total }: Progress) => {
        task.meter.update(done, total);
        view.moved(task);
      },
    };
    if (to === undefined) return cache.fetch(job.key, job.producer, options);
    const mirror = 'file' in to ? to.file : (entry: EntryInfo) => this.#placeIn(to.directory, job, entry);
    return cache.fetch(job.key, job.producer, { ...options, mirror });
  }

  /**
   * Where the file goes: what it is called is known when the entry is there.
   *
   * @throws {CliError} when another address of this call has that name, or a file that was never fetched.
   */
  async #placeIn(directory: string, job: Job, { path: content, validators }: EntryInfo): Promise<string> {
    const path = join(directory, await fileNameFor(job.url, validators?.disposition));
    const other = this.#files.get(path) ?? job;
    this.#files.set(path, other);
    if (other !== job) throw elsewhere(path, `${printable(other.shown)} is`);
    const layout = new Layout(this.#means.cache.directory);
    if (isKept(layout, content, path, 'auto') || (await isFree(path))) return path;
    throw elsewhere(path, 'there is something that was not fetched, or was changed since');
  }

  /** Follows who fetches what. */
  #follow(): () => void {
    const { cache, view } = this.#means;
    const taskOf = (path: string) => [...this.#tasks.values()].find(({ lock }) => lock === path);
    const stop = [
      onLockEvent('waiting', ({ path }) => {
        const task = taskOf(path);
        if (task === undefined || task.isWaiting) return;
        task.isWaiting = true;
        view.waits(task);
      }),
      onLockEvent('granted', ({ path }) => {
        const task = taskOf(path);
        if (task !== undefined) task.isWaiting = false;
      }),
      onCacheEvent('flight-started', (event) => {
        const task = event.cache === cache.directory ? this.#tasks.get(event.key) : undefined;
        if (task !== undefined) view.begun(task);
      }),
    ];
    return () => {
      for (const each of stop) each();
    };
  }

  /** As far as all before it are settled. */
  #printInOrder(): void {
    const { call, view, flags } = this.#means;
    for (; this.#printed < call.jobs.length; this.#printed++) {
      const outcome = this.#outcomes.get(call.jobs[this.#printed] as Job);
      if (outcome === undefined) return;
      if ('entry' in outcome) view.print(() => printEntry(outcome.job, outcome.entry, flags));
    }
  }
}

/** The server chose the name: it replaces nothing but what a cache has put there, which has the time of its digest. */
async function isFree(path: string): Promise<boolean> {
  const found = lstatOrNothing(path);
  if (found === undefined) return true;
  if (!found.isFile()) return false;
  try {
    return isStamped(found, (await hashFile(path)).digests.sha256);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false; // what cannot be read is not ours to replace
  }
}

function elsewhere(path: string, why: string): CliError {
  const place = `is in the cache, but not at ${printable(path)}, where ${why}`;
  return new CliError(exitCodes.no, 'HOLDFAST_MIRROR', `${place}: fetch it with a --to of its own`);
}

function printEntry({ shown, key }: Job, entry: Entry, { json }: FetchFlags): void {
  const path = entry.mirror ?? entry.path;
  if (json !== true) return void print(path);
  const { size, integrity, fromCache, joined, mirroredBy, generation, produced, checked } = entry;
  const content = entry.path;
  const facts = { size, integrity, fromCache, joined, mirroredBy, generation, produced, checked };
  printJson({ url: shown, key, path, content, ...facts });
}

/** Nothing of what was there already. */
function summaryOf(
  { meter, started }: Task,
  { size, fromCache, joined, producedBy }: Entry,
): string | undefined {
  if (fromCache) return undefined;
  if (joined) return `fetched by pid ${producedBy.pid ?? '?'} meanwhile, ${bytes(size)}`;
  if (meter.total === undefined && meter.done === 0) return 'has not changed';
  return `fetched ${bytes(size)} in ${duration(performance.now() - started)}`;
}

function tellInterrupted(cache: Cache, { shown: url, key }: Job): void {
  const { done = 0, total } = cache.flight(key).partial ?? {};
  tellJson({ event: 'interrupted', url, key, done, total });
}

function nextStep(cache: Cache, { key }: Job, { integrity }: FetchFlags): string {
  const { partial } = cache.flight(key);
  if (partial === undefined || partial.done === 0) return 'run again to fetch it';
  if (!partial.hasVersion && integrity === undefined) {
    return 'run again to fetch it from its beginning: the server does not say which version it has';
  }
  const { done, total } = partial;
  return `run again to go on at ${total === undefined || total < done ? bytes(done) : `${Math.floor((done / total) * 100)} %`}`;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof TimeoutError || error instanceof BusyError) return exitCodes.timeout;
  const isOfHoldfast = [LockError, CacheDirectoryError, InputError].some((each) => error instanceof each);
  return isOfHoldfast ? exitCodes.failure : exitCodes.no;
}

function tell(error: unknown, task: Task, code: number, flags: FetchFlags): void {
  const { shown: url, key } = task.job;
  const message = messageOf(error);
  if (flags.json === true) report(error, flags, code, { url, key, resource: resourceOf(error) ?? key });
  else note(message.includes(task.name) ? message : `${task.name}: ${message}`);
}
