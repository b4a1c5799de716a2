import { promises } from 'node:fs'; // not node:fs/promises, which takes a millisecond to load
import type { FileHandle } from 'node:fs/promises';
import { hashFileSync } from '../content/hash.ts';
import { integrityIn } from '../content/integrity.ts';
import { readProgress } from '../content/partial/state.ts';
import { systemCode } from '../errors/base.ts';
import { CacheDirectoryError, CorruptEntryError, NotCachedError } from '../errors/cache-errors.ts';
import { shellWord } from '../errors/describe.ts';
import { BusyError, DeadlockError, TimeoutError } from '../errors/lock-errors.ts';
import { AuditLog, checkAuditOptions } from '../events/audit.ts';
import { type CacheEvent, publishCacheEvent } from '../events/cache-channel.ts';
import { after } from '../lock/deadline.ts';
import { callback, check, checkKinds, given, path } from '../lock/known-options.ts';
import type { Lock } from '../lock/lock.ts';
import { LockManager } from '../lock/manager.ts';
import { onAbort, unlessAborted } from '../lock/on-abort.ts';
import { checkManagerOptions } from '../lock/options.ts';
import { READ_SAFELY } from '../storage/fs/open-flags.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { absolute } from '../storage/working-directory.ts';
import type { Date } from '../time/time.ts';
import { type Call, fits, needsHash, unfit, type Wish } from './call.ts';
import { type Entry, type EntryInfo, entryOf, type Flight, infoOf, type Outcome } from './entry.ts';
import { readMarks } from './failure.ts';
import { Interest } from './interest.ts';
import { digestOf, entriesIn, lockOfRecord } from './inventory.ts';
import type { Layout } from './layout.ts';
import { look, type Sight } from './look.ts';
import { isKept, mirror } from './mirror.ts';
import { makeReady, openLayout } from './open.ts';
import type { CacheOptions, FetchOptions } from './options.ts';
import * as kinds from './options.ts';
import { DEFAULT_POLICY, isCurrent } from './policy.ts';
import type { Producer } from './producer.ts';
import { PRUNE_OPTIONS, type Pruned, type PruneOptions, prune } from './prune.ts';
import { type CacheStatistics, statisticsOf } from './statistics.ts';
import { discard, forget, heal, takeTurn } from './turn.ts';
import { VERIFY_OPTIONS, type Verified, type VerifyOptions, verify } from './verify.ts';

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
  check('directory', directory, path);
  checkKinds(options, kinds.CACHE_OPTIONS);
  const { timeout, pollInterval, audit } = options;
  checkManagerOptions(given({ timeout, pollInterval }));
  if (audit !== undefined) checkAuditOptions(audit);
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
    this.#locks = new LockManager({ directory: layout.locks, timeout, ...given({ pollInterval, audit }) });
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
    return this.#obtain(key, producer, options);
  }

  /**
   * The entry there is, whatever its age, without a lock; undefined when there is none to serve. A content whose time says
   * that it was touched is hashed, which takes as long as to read it.
   */
  peek(key: string): EntryInfo | undefined {
    kinds.checkKey(key);
    const sight = look(this.#layout, key);
    if (sight.state === 'none' || (sight.state === 'touched' && !isProved(sight))) return undefined;
    return infoOf(this.#layout, sight.record);
  }

  /** Who makes the entry of a key at this moment, and how far that is. For people: it may have changed since. */
  flight(key: string): Flight {
    kinds.checkKey(key);
    const target = this.#layout.lockOf(key);
    const partial = readProgress(this.#layout.partialOf(key));
    const { holders } = this.#locks.inspect(target);
    return { lock: this.#locks.pathOf(target), holders, ...given({ partial }) };
  }

  /**
   * Runs a body with an entry, which no prune removes meanwhile.
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
    kinds.checkKey(key);
    checkKinds(options, kinds.FETCH_OPTIONS);
    check('body', body, callback);
    const { signal } = options;
    const terms = { mode: 'shared', purpose: `cache use ${key}`, ...given({ signal }) } as const;
    const pins: Lock[] = [];
    let isOver = false;
    const pin = async (content: string) => {
      makeReady(this.#layout);
      const lock = await this.#locks.acquire(this.#layout.pinOf(content), terms);
      if (isOver) await lock.release();
      else pins.push(lock);
    };
    try {
      for (let { policy } = options; ; policy = policy === 'never' ? policy : 'if-missing') {
        const entry = await this.#obtain(key, producer, { ...options, ...given({ policy }) }, pin);
        if (lstatOrNothing(entry.path) !== undefined) return await body(entry);
      }
    } finally {
      isOver = true;
      await Promise.all(pins.map((lock) => lock.release()));
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
    kinds.checkKey(key);
    checkKinds(options, kinds.FETCH_OPTIONS);
    makeReady(this.#layout);
    return this.#locked(key, 'delete', options, (lock) => forget(this.#layout, lock, key, this.#graceMs));
  }

  /** Every entry, in no order. One whose content is missing or was changed is told as its record has it. */
  entries(): AsyncGenerator<EntryInfo & { readonly lastUsed: Date }> {
    return entriesIn(this.#layout);
  }

  /** Hashes every entry. Changes nothing, unless `repair` says so. */
  async verify(options: VerifyOptions = {}): Promise<Verified> {
    checkKinds(options, VERIFY_OPTIONS);
    const layout = this.#layout;
    const repairing = async (key: string, signal: AbortSignal) => {
      makeReady(layout);
      const terms = { signal, timeout: this.#timeout };
      const healed = (lock: Lock) => heal(layout, { lock, locks: this.#locks }, key, this.#graceMs, terms);
      return this.#locked(key, 'verify', { signal }, healed);
    };
    const discarding = async (record: string, signal: AbortSignal) => {
      makeReady(layout);
      const terms = { signal, purpose: 'cache verify' };
      return this.#locks.with(lockOfRecord(layout, record), terms, (lock) => discard(layout, lock, record));
    };
    return verify(layout, options, repairing, discarding);
  }

  /**
   * Removes what is too old, or too much, and what crashes have left. Guaranteed: nothing that is pinned by `use`, that is
   * being fetched, or that was used within `graceMs`.
   */
  async prune(options: PruneOptions = {}): Promise<Pruned> {
    checkKinds(options, PRUNE_OPTIONS);
    const { maxBytes } = this.#options;
    makeReady(this.#layout);
    const limits = { ...given({ maxBytes }), ...given(options) };
    return prune({ layout: this.#layout, locks: this.#locks, graceMs: this.#graceMs, options: limits });
  }

  statistics(): Promise<CacheStatistics> {
    return statisticsOf(this.#layout);
  }

  /** Ends the audit, if there is one. */
  close(): void {
    this.#locks.close();
    this.#audit?.stop();
  }

  /** `keep` is called with the content, inside the lock if there is one. */
  #obtain(
    key: string,
    producer: Producer,
    options: FetchOptions,
    keep?: (content: string) => Promise<void>,
  ): Promise<Entry> {
    try {
      kinds.checkKey(key);
      if (options !== NO_OPTIONS) checkKinds(options, kinds.FETCH_OPTIONS);
      check('producer', producer, callback);
      options.signal?.throwIfAborted();
      const wish = { key, options, integrity: integrityIn(options), keep };
      const sight = look(this.#layout, key);
      const served = this.#served(wish, sight);
      if (served === undefined) return this.#fetch(wish, producer, sight);
      return keep === undefined ? Promise.resolve(served) : keep(digestOf(served.path)).then(() => served);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What needs no lock. @throws {NotCachedError | IntegrityError} under the policy `never`. */
  #served(wish: Wish, sight: Sight): Entry | undefined {
    const { policy = DEFAULT_POLICY, mirror: target } = wish.options;
    if (sight.state === 'none') {
      if (policy === 'never') throw new NotCachedError(wish.key, this.directory);
      return undefined;
    }
    const { record, path } = sight;
    if (needsHash(wish, sight)) return undefined;
    if (!fits(wish, record)) {
      if (policy === 'never') throw unfit(wish, record);
      return undefined;
    }
    if (typeof target === 'function' || !isCurrent(policy, record)) return undefined;
    const outcome = { record, from: 'cache' } as const;
    if (target === undefined) return entryOf(this.#layout, outcome);
    const isRight = isKept(this.#layout, path, absolute(target), this.#modeOf(wish.options));
    return isRight ? entryOf(this.#layout, outcome, absolute(target), 'kept') : undefined;
  }

  async #fetch(wish: Wish, producer: Producer, { record }: Sight): Promise<Entry> {
    const layout = this.#layout;
    // As they are now: until it is this call's turn, whoever called may use the object, or leave the directory.
    const { mirror: place } = wish.options;
    const options = { ...wish.options, ...(typeof place === 'string' && { mirror: absolute(place) }) };
    const interest = Interest.in(`${layout.directory}\0${wish.key}`);
    const leave = interest.join();
    const stopListening = onAbort(options.signal, leave); // at once, before another step is made for it
    const failures = readMarks(layout, wish.key).map(({ id }) => id);
    const before = { generation: record?.generation ?? 0, failures };
    const call = {
      ...wish,
      options,
      layout,
      locks: this.#locks,
      timeout: options.timeout ?? this.#timeout,
      graceMs: this.#graceMs,
      producer,
      before,
      signal: interest.signal,
    };
    try {
      return await unlessAborted(this.#inTurn(call), options.signal);
    } finally {
      stopListening();
      leave();
    }
  }

  async #inTurn(call: Call): Promise<Entry> {
    const { key, options } = call;
    try {
      makeReady(this.#layout);
    } catch (error) {
      if (!(error instanceof CacheDirectoryError)) throw error;
      return this.#completed(call, await takeTurn(call, error), undefined);
    }
    return this.#locked(key, 'fetch', options, async (lock) => {
      const tell = () => publishCacheEvent('held-long', { cache: this.directory, key, held: LONG_HOLD });
      const stopTimer = after(LONG_HOLD, tell, 'background');
      try {
        return await this.#completed(call, await takeTurn(call, lock), lock);
      } finally {
        stopTimer();
      }
    });
  }

  async #locked<T>(
    key: string,
    purpose: string,
    { timeout, signal }: FetchOptions,
    body: (lock: Lock) => Promise<T>,
  ): Promise<T> {
    const target = this.#layout.lockOf(key);
    const wait = { ...given({ timeout, signal }), purpose: `cache ${purpose} ${key}` };
    try {
      return await this.#locks.with(target, wait, body);
    } catch (error) {
      throw named(error, key, this.#locks.pathOf(target));
    }
  }

  async #completed({ options, keep }: Call, outcome: Outcome, lock: Lock | undefined): Promise<Entry> {
    const { record } = outcome;
    const { mirror: place, signal } = options;
    await keep?.(record.content);
    if (place === undefined || signal?.aborted === true) return entryOf(this.#layout, outcome);
    const target = typeof place === 'string' ? place : await place(infoOf(this.#layout, record));
    signal?.throwIfAborted(); // while the function ran, which takes any time
    lock?.assertHeld();
    check('mirror', target, path);
    const by = await mirror(this.#layout, lock, record, absolute(target), this.#modeOf(options));
    return entryOf(this.#layout, outcome, absolute(target), by);
  }

  get #timeout(): number {
    return this.#options.timeout ?? DEFAULT_TIMEOUT;
  }

  get #graceMs(): number {
    return this.#options.graceMs ?? DEFAULT_GRACE;
  }

  #modeOf({ mirrorMode }: FetchOptions) {
    return mirrorMode ?? this.#options.mirrorMode ?? 'auto';
  }
}

/** By its hash. */
function isProved({ record, path: content }: Sight & { readonly path: string }): boolean {
  return hashFileSync(content) === record?.content;
}

/** A producer for those who never fetch. */
const never: Producer = () => Promise.reject(new Error('The policy "never" fetches nothing'));

function isMiss(error: unknown): boolean {
  return error instanceof NotCachedError || error instanceof CorruptEntryError;
}

/** The error of a wait for the lock of a key: it names the key, and not the file that its lock lies beside. */
function named(error: unknown, key: string, path: string): unknown {
  const isOfWait = [TimeoutError, BusyError, DeadlockError].some((each) => error instanceof each);
  if (!isOfWait || (error as TimeoutError).path !== path) return error;
  const { resource, holders, waited, position } = error as TimeoutError;
  const facts = {
    resource: key,
    path,
    cliName: shellWord(resource),
    holders,
    waited,
    ...given({ position }),
  };
  if (error instanceof TimeoutError) return new TimeoutError(facts);
  if (error instanceof BusyError) return new BusyError(facts);
  const { cycle } = error as DeadlockError;
  const steps = cycle.length > 1 ? cycle : ['this very code is part of its production'];
  return new DeadlockError(
    facts,
    steps,
    'A producer can fetch other keys, as long as none of them needs this one',
  );
}
