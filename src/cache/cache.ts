import { promises } from 'node:fs'; // not node:fs/promises, which takes a millisecond to load
import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { CacheDirectoryError, CorruptEntryError, NotCachedError } from '../errors/cache-errors.ts';
import { shellWord } from '../errors/describe.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { BusyError, TimeoutError } from '../errors/lock-errors.ts';
import { AuditLog } from '../events/audit.ts';
import { type CacheEvent, publishCacheEvent } from '../events/cache-channel.ts';
import { after } from '../lock/deadline.ts';
import type { Lock } from '../lock/lock.ts';
import { LockManager } from '../lock/manager.ts';
import { unlessAborted } from '../lock/on-abort.ts';
import { READ_SAFELY } from '../storage/fs/open-flags.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { Date } from '../time/time.ts';
import type { Call } from './call.ts';
import { type Entry, type EntryInfo, entryOf, type Flight, infoOf, type Outcome } from './entry.ts';
import { readMark } from './failure.ts';
import { hashFile } from './hash.ts';
import { type Integrity, parseIntegrity } from './integrity.ts';
import { Interest } from './interest.ts';
import { digestOf, filedRecords } from './inventory.ts';
import type { Layout } from './layout.ts';
import { look, type Sight } from './look.ts';
import { isKept, mirror } from './mirror.ts';
import { makeReady, openLayout } from './open.ts';
import {
  type CacheOptions,
  checkCacheOptions,
  checkFetchOptions,
  checkKey,
  checkMirror,
  type FetchOptions,
} from './options.ts';
import { readProgress } from './partial/progress.ts';
import { DEFAULT_POLICY, isCurrent } from './policy.ts';
import type { Producer } from './producer.ts';
import { type Pruned, type PruneOptions, prune } from './prune.ts';
import { isPresent } from './record.ts';
import { type CacheStatistics, statisticsOf } from './statistics.ts';
import { fits, forget, takeTurn, unfit } from './turn.ts';
import { type Verified, type VerifyOptions, verify } from './verify.ts';

/** Milliseconds. */
const DEFAULT_TIMEOUT = 60_000;
const DEFAULT_GRACE = 3_600_000;
/** A fetch that takes longer is told of. */
const LONG_HOLD = 600_000;
const NO_OPTIONS: FetchOptions = {};

/**
 * Opens the cache in a directory, which is made where it is missing. Any number of processes may have it open.
 *
 * @throws {CacheDirectoryError} the directory cannot be used. @throws {InputError} an option cannot be used.
 */
export async function openCache(directory: string, options: CacheOptions = {}): Promise<Cache> {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new InputError('directory', `must be a path, got ${shown(directory)}`);
  }
  checkCacheOptions(options);
  return new Cache(await openLayout(directory, options.access ?? 'owner'), options);
}

export class Cache {
  readonly #layout: Layout;
  readonly #options: CacheOptions;
  readonly #locks: LockManager;
  readonly #audit: AuditLog | undefined;

  /** Not for callers: see `openCache`. */
  constructor(layout: Layout, options: CacheOptions) {
    this.#layout = layout;
    this.#options = options;
    const { timeout = DEFAULT_TIMEOUT, pollInterval, audit } = options;
    this.#locks = new LockManager({
      directory: layout.locks,
      timeout,
      ...optional({ pollInterval, audit }),
    });
    if (audit !== undefined) {
      const cacheFilter = ({ cache }: CacheEvent) => cache === layout.directory;
      this.#audit = new AuditLog({ ...audit, filter: () => false, cacheFilter });
    }
  }

  /** The cache's directory, by its real path. */
  get directory(): string {
    return this.#layout.directory;
  }

  /**
   * The entry of a key: the one there is, or one that `producer` makes, as the policy says.
   *
   * Guaranteed: of all processes that fetch a key, one makes it, and those that waited meanwhile get what it made, or its
   * failure. An entry is published whole and durably, or not at all; a fetch that fails leaves the one there was. What is
   * served was not touched since it was published, by the size and time of its content, or is proved by its hash.
   * Not guaranteed: that `path` stays; see there.
   *
   * What is published is served without a lock. Everything else happens under the key's lock: the decision to fetch, the
   * production, the publishing, and the mirror.
   *
   * @throws {NotCachedError} the policy is `never`, and there is no entry.
   * @throws {IntegrityError} the bytes are not what `integrity` and `size` say. They were not published.
   * @throws {FetchFailedError} the fetch this call waited for failed. @throws {ProducerError} the producer left nothing.
   * @throws {MirrorError} the entry is there, and `mirror` could not be made.
   * @throws {TimeoutError | BusyError} somebody else's fetch took longer than `timeout`; it goes on.
   * @throws {DeadlockError} the call is part of the work it would wait for.
   * @throws {CacheDirectoryError} the directory cannot be written, and there is nothing to serve.
   * @throws {NoSpaceError} the disk is full. @throws {InputError} an option cannot be used.
   * @throws what the producer throws, and the reason of `signal`.
   *
   * @example
   * const corpus = await cache.fetch('corpus-2026', download(url), { mirror: 'data/corpus.txt' });
   */
  fetch(key: string, producer: Producer, options: FetchOptions = NO_OPTIONS): Promise<Entry> {
    try {
      checkKey(key);
      if (options !== NO_OPTIONS) checkFetchOptions(options);
      if (typeof producer !== 'function') {
        throw new InputError('producer', `must be a function, got ${shown(producer)}`);
      }
      options.signal?.throwIfAborted();
      const { allowWeak = false } = options;
      const integrity =
        options.integrity === undefined ? undefined : parseIntegrity(options.integrity, { allowWeak });
      const sight = look(this.#layout, key);
      const served = this.#serve(key, sight, options, integrity);
      return served === undefined
        ? this.#fetch(key, producer, options, integrity, sight)
        : Promise.resolve(served);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The entry there is, whatever its age, without a lock; undefined when there is none to serve. */
  peek(key: string): EntryInfo | undefined {
    checkKey(key);
    const sight = look(this.#layout, key);
    return sight.state === 'none' ? undefined : infoOf(this.#layout, sight.record);
  }

  /** Who makes the entry of a key at this moment, and how far that is. For people: it may have changed since. */
  flight(key: string): Flight {
    checkKey(key);
    const lockOfKey = this.#layout.lockOf(key);
    const partial = readProgress(this.#layout.partialOf(key));
    const lock = this.#locks.pathOf(lockOfKey);
    const { holders } = this.#locks.inspect(lockOfKey);
    return { lock, holders, ...optional({ partial }) };
  }

  /**
   * Runs a body with an entry, which no prune removes meanwhile. Leaves a lock file for the content behind, for good.
   *
   * @throws {CacheDirectoryError} where nothing can be pinned, because the directory cannot be written: use `open` there.
   * @throws as `fetch` does, and what the body throws.
   */
  async use<T>(
    key: string,
    producer: Producer,
    options: FetchOptions,
    body: (entry: Entry) => T | PromiseLike<T>,
  ): Promise<T> {
    for (let policy = options.policy; ; policy = policy === 'never' ? policy : 'if-missing') {
      const entry = await this.fetch(key, producer, {
        ...options,
        ...(policy === undefined ? {} : { policy }),
      });
      const pin = this.#layout.pinOf(digestOf(entry.path));
      const { timeout, signal } = options;
      const terms = { mode: 'shared', reentrant: true, purpose: `cache use ${key}` } as const;
      makeReady(this.#layout);
      const result = await this.#locks.with(pin, { ...terms, ...optional({ timeout, signal }) }, async () => {
        if (lstatOrNothing(entry.path) === undefined) return undefined; // pruned before it was pinned
        return { value: await body(entry) };
      });
      if (result !== undefined) return result.value;
    }
  }

  /** A handle of the content, which outlives its removal; undefined when there is no entry to serve. Whoever got it closes it. */
  async open(key: string): Promise<FileHandle | undefined> {
    try {
      const { path } = await this.fetch(key, never, { policy: 'never' });
      return await promises.open(path, READ_SAFELY);
    } catch (error) {
      if (isMiss(error) || systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Forgets an entry, and what an unfinished fetch has left; whether there was one. Its content stays for a time of grace,
   * for those who got its path before.
   */
  async delete(key: string, options: Pick<FetchOptions, 'timeout' | 'signal'> = {}): Promise<boolean> {
    checkKey(key);
    checkFetchOptions(options);
    const layout = this.#layout;
    makeReady(layout);
    const wait = { ...optional(options), purpose: `cache delete ${key}` };
    return this.#locks.with(layout.lockOf(key), wait, (lock) => forget(layout, lock, key));
  }

  /** Every entry, in no order. One whose content is missing or was changed is told as its record has it. */
  async *entries(): AsyncGenerator<EntryInfo & { readonly lastUsed: Date }> {
    for await (const { record, used } of filedRecords(this.#layout)) {
      if (isPresent(record)) yield { ...infoOf(this.#layout, record), lastUsed: new Date(used) };
    }
  }

  /** Hashes every entry. Changes nothing, unless `repair` says so. */
  verify(options: VerifyOptions = {}): Promise<Verified> {
    return verify(this.#layout, options, async (key) => {
      try {
        await this.fetch(key, never, { policy: 'never', verify: 'full' });
        return false; // somebody was faster
      } catch (error) {
        if (!isMiss(error)) throw error;
        return this.delete(key);
      }
    });
  }

  /**
   * Removes what is too old, or too much, and what crashes have left. Guaranteed: nothing that is pinned by `use`, that is
   * being fetched, or that was used within `graceMs`.
   */
  async prune(options: PruneOptions = {}): Promise<Pruned> {
    const { maxBytes, graceMs = DEFAULT_GRACE } = this.#options;
    makeReady(this.#layout);
    const limits = { ...optional({ maxBytes }), ...options };
    return prune({ layout: this.#layout, locks: this.#locks, graceMs, options: limits });
  }

  statistics(): Promise<CacheStatistics> {
    return statisticsOf(this.#layout);
  }

  /** Ends the audit, if there is one. */
  close(): void {
    this.#locks.close();
    this.#audit?.stop();
  }

  /** What needs no lock. @throws {NotCachedError | IntegrityError} under the policy `never`. */
  #serve(
    key: string,
    sight: Sight,
    options: FetchOptions,
    integrity: Integrity | undefined,
  ): Entry | undefined {
    const { policy = DEFAULT_POLICY, mirror: target } = options;
    if (sight.state === 'none') {
      if (policy === 'never') throw new NotCachedError(key, this.directory);
      return undefined;
    }
    const { record, path } = sight;
    const isKnown = integrity === undefined || record.digests[integrity.algorithm] !== undefined;
    if (sight.state === 'touched' || !isKnown || options.verify === 'full') return undefined;
    if (!fits({ integrity, options }, record)) {
      if (policy !== 'never') return undefined;
      throw unfit({ key, options }, record);
    }
    if (!isCurrent(policy, record)) return undefined;
    if (target === undefined) return entryOf(this.#layout, { record, from: 'cache' });
    if (typeof target === 'function') return undefined;
    const isRight = isKept(path, resolve(target), this.#mirrorMode(options));
    return isRight ? entryOf(this.#layout, { record, from: 'cache' }, resolve(target), 'kept') : undefined;
  }

  async #fetch(
    key: string,
    producer: Producer,
    options: FetchOptions,
    integrity: Integrity | undefined,
    sight: Sight,
  ): Promise<Entry> {
    const layout = this.#layout;
    const interest = Interest.in(`${layout.directory}\0${key}`);
    const leave = interest.join();
    const before = { generation: sight.record?.generation ?? 0, failure: readMark(layout, key)?.id };
    const call: Call = {
      layout,
      locks: this.#locks,
      key,
      producer,
      options,
      integrity,
      before,
      signal: interest.signal,
    };
    try {
      return await unlessAborted(this.#inLock(call, sight), options.signal);
    } finally {
      leave();
    }
  }

  async #inLock(call: Call, sight: Sight): Promise<Entry> {
    const { key, options } = call;
    try {
      makeReady(this.#layout);
    } catch (error) {
      if (!(error instanceof CacheDirectoryError)) throw error;
      return this.#withoutLock(call, sight, error);
    }
    const { timeout, signal } = options;
    const wait = { ...optional({ timeout, signal }), purpose: `cache fetch ${key}` };
    const lockOfKey = this.#layout.lockOf(key);
    try {
      return await this.#locks.with(lockOfKey, wait, async (lock) => {
        const stopTimer = after(LONG_HOLD, () => this.#tellOfHold(key), 'background');
        try {
          return await this.#mirrored(await takeTurn({ ...call, lock }), options, lock);
        } finally {
          stopTimer();
        }
      });
    } catch (error) {
      throw named(error, key, this.#locks.pathOf(lockOfKey));
    }
  }

  #tellOfHold(key: string): void {
    publishCacheEvent('held-long', { cache: this.directory, key, held: LONG_HOLD });
  }

  /** A cache that can only be read: what is there and right is served, and nothing can replace it meanwhile. */
  async #withoutLock(call: Call, sight: Sight, cause: CacheDirectoryError): Promise<Entry> {
    const { options, integrity, signal } = call;
    if (sight.state === 'none' || !isCurrent(options.policy ?? DEFAULT_POLICY, sight.record)) throw cause;
    const { record, path } = sight;
    const hashed = await hashFile(path, integrity === undefined ? [] : [integrity.algorithm], signal);
    if (hashed.digests.sha256 !== record.content) throw new CorruptEntryError(call.key, path);
    if (!fits({ integrity, options }, { ...record, digests: hashed.digests })) throw cause;
    return this.#mirrored({ record, from: 'cache' }, options, undefined);
  }

  async #mirrored(outcome: Outcome, options: FetchOptions, lock: Lock | undefined): Promise<Entry> {
    const { mirror: given, signal } = options;
    if (given === undefined || signal?.aborted === true) return entryOf(this.#layout, outcome);
    const path = typeof given === 'string' ? given : await given(infoOf(this.#layout, outcome.record));
    checkMirror(path);
    const target = resolve(path);
    const by = await mirror(this.#layout, lock, outcome.record, target, this.#mirrorMode(options));
    return entryOf(this.#layout, outcome, target, by);
  }

  #mirrorMode({ mirrorMode }: FetchOptions) {
    return mirrorMode ?? this.#options.mirrorMode ?? 'auto';
  }
}

/** A producer for those who never fetch. */
const never: Producer = () => Promise.reject(new Error('The policy "never" fetches nothing'));

function isMiss(error: unknown): boolean {
  return error instanceof NotCachedError || error instanceof CorruptEntryError;
}

/** These options, without those that are undefined. */
function optional<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as object;
}

/** The error of a wait for the lock of a key, which names the key, and not the file that its lock lies beside. */
function named(error: unknown, key: string, path: string): unknown {
  const isOfWait = error instanceof TimeoutError || error instanceof BusyError;
  if (!isOfWait || error.path !== path) return error;
  const { holders, waited, position } = error;
  const facts = {
    resource: key,
    path,
    cliName: shellWord(error.resource),
    holders,
    waited,
    ...optional({ position }),
  };
  return error instanceof TimeoutError ? new TimeoutError(facts) : new BusyError(facts);
}
