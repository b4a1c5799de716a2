import { join, resolve } from 'node:path';
import { type Degradation, type Grant, SECOND_LOOK, type Terms } from '../engine/engine.ts';
import { type Abandoned, abandonClaim, engine } from '../engine/index.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { DeadlockError, DegradedError, UnwritableError } from '../errors/lock-errors.ts';
import { AuditLog } from '../events/audit.ts';
import { BoundedCache } from '../storage/bounded-cache.ts';
import { SYSTEM_HOME, stateHome } from '../storage/home.ts';
import { announce, busy, busyNow, take, Wait, waitSync } from './acquisition.ts';
import { type Body, checkBody, isPromise, promiseOf, type SyncBody } from './body.ts';
import type { CliPlace } from './cli-name.ts';
import { type Cohort, cohortOf } from './cohort.ts';
import { enclosing, enclosingAll, runHolding } from './context.ts';
import { environmentOptions } from './environment.ts';
import { watchExit } from './exit.ts';
import { holdingOf, Lock, requestOf } from './lock.ts';
import { LockSet } from './lock-set.ts';
import {
  type AcquireOptions,
  checkAcquireOptions,
  checkManagerOptions,
  checkWatchOptions,
  type ManagerOptions,
  type WatchOptions,
} from './options.ts';
import { type LockInfo, type QueryResult, query } from './query.ts';
import { again } from './reentrancy.ts';
import type { Request } from './request.ts';
import {
  fallbackResource,
  fileResource,
  nameResource,
  partsOf,
  type Resource,
  refuseMode,
  type Target,
  type TargetWithMode,
  targetOf,
} from './resource.ts';
import { secondLook, secondLookSync, tryAfterProbe } from './second-look.ts';
import { checkTogether, defaultTimeout, givesTerms, termsFrom } from './terms.ts';

/** Stands for options that were not given, which need no check. */
const NO_OPTIONS: AcquireOptions = {};

let managers = 0;
let requests = 0;

/**
 * Locks on named resources and files, with shared settings.
 *
 * Making a manager touches nothing; directories and lock files are made by the first acquisition that needs them.
 *
 * @example
 * const locks = new LockManager();
 * await locks.with('mirror', { purpose: 'nightly save' }, async (lock) => { … });
 */
export class LockManager {
  /** Those of the environment included. */
  readonly #options: ManagerOptions;
  readonly #given: ManagerOptions;
  readonly #terms: Terms;
  readonly #names = new BoundedCache<string, Resource>();
  readonly #audit: AuditLog | undefined;
  readonly #id = ++managers;
  #directory: string | undefined;
  /** By which options the command line finds the locks on names. */
  readonly #cliPlace: CliPlace;

  /** @throws {InputError} naming the option, or the environment variable, that cannot be used. */
  constructor(options: ManagerOptions = {}) {
    checkManagerOptions(options);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.#given = Object.fromEntries(given);
    this.#options = { ...environmentOptions(), ...this.#given };
    this.#terms = termsFrom(this.#options);
    if (options.directory !== undefined) this.#directory = resolve(options.directory);
    this.#cliPlace = cliPlaceOf(this.#directory, options.scope);
    if (options.audit !== undefined) {
      this.#audit = new AuditLog({ ...options.audit, filter: ({ manager }) => manager === this.#id });
    }
  }

  /** Where the locks on names live. @throws {InputError} when an environment variable that names it is no absolute path. */
  get directory(): string {
    this.#directory ??= join(this.#options.scope === 'system' ? SYSTEM_HOME : stateHome(), 'locks');
    return this.#directory;
  }

  /**
   * Acquires a lock, waiting for it where needed: requests of this thread in order of their calls.
   *
   * @throws {BusyError} `timeout: 0` and the lock is held. @throws {TimeoutError} not granted in time.
   * @throws {DeadlockError} the enclosing `with` holds it. @throws {InputError} an option or name cannot be used.
   * @throws {UnwritableError | RefusedError | UnsupportedError | DegradedError | ExhaustedError} no lock is to be had here.
   * @throws {ContractError} only one that is worth less than `require`. @throws {EngineMismatchError} others use another
   * engine for this lock, which is not to be had here or not wanted.
   * @throws the signal's reason when `signal` aborts; nothing is held then, and nothing will be.
   */
  acquire(target: Target, options: AcquireOptions = NO_OPTIONS): Promise<Lock> {
    try {
      const attempt = this.#attempt(this.#request(target, options));
      if (attempt instanceof Lock) return Promise.resolve(attempt);
      if (attempt.request.timeout === 0) return atOnce(attempt);
      return Wait.for(attempt.request, attempt.cohort, attempt.extra);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The lock if it is free now, else undefined. Who is in the way: `query` or `inspect`. Throws as `acquire` does. */
  async tryAcquire(
    target: Target,
    options: Omit<AcquireOptions, 'timeout'> = NO_OPTIONS,
  ): Promise<Lock | undefined> {
    const attempt = this.#attempt(this.#request(target, options, 0));
    return attempt instanceof Lock ? attempt : takeLate(attempt);
  }

  /**
   * Acquires several locks, all or none, in one order for all callers, so that two such calls never wait for each other.
   * A resource named twice is taken once, in the stronger mode. `timeout` covers the whole.
   */
  async acquireAll(targets: readonly TargetWithMode[], options: AcquireOptions = {}): Promise<LockSet> {
    if (!Array.isArray(targets)) {
      throw new InputError('targets', `must be an array of names and files, got ${shown(targets)}`);
    }
    checkAcquireOptions(options);
    const requests = new Map<string, { target: Target; options: AcquireOptions }>();
    for (const wanted of targets) {
      const [target, mode] = partsOf(wanted);
      const merged = mode === undefined ? options : { ...options, mode };
      if (mode !== undefined) checkAcquireOptions(merged);
      const { path } = this.#resolve(target);
      const other = requests.get(path);
      if (other === undefined || (other.options.mode === 'shared' && merged.mode !== 'shared')) {
        requests.set(path, { target, options: merged });
      }
    }
    const ordered = [...requests].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request);
    const timeouts = [...requests.keys()].map(defaultTimeout);
    return LockSet.acquire(
      ordered,
      options.timeout ?? this.#options.timeout ?? Math.max(0, ...timeouts),
      (target, each) => this.acquire(target, each),
    );
  }

  /**
   * Runs `body` while the lock is held and releases it whatever the body does. The body's error goes before any other; a
   * body that succeeded while its lock was lost is reported as `LostError`.
   */
  with<T>(target: Target, body: Body<T>): Promise<T>;
  with<T>(target: Target, options: AcquireOptions, body: Body<T>): Promise<T>;
  async with<T>(target: Target, ...rest: [Body<T>] | [AcquireOptions, Body<T>]): Promise<T> {
    const [options, body] = rest.length === 1 ? [NO_OPTIONS, rest[0]] : rest;
    checkBody(body);
    const lock = await this.acquire(target, options);
    const holding = holdingOf(lock);
    try {
      const result = await runHolding(holding, () => body(lock));
      const lost = holding.findLoss();
      if (lost !== undefined) throw lost;
      return result;
    } finally {
      void lock.release();
    }
  }

  /**
   * `acquire` for scripts that cannot wait asynchronously: blocks this thread, and with it everything else the thread
   * does, until the lock is granted. A lock that this thread itself holds fails at once, for nobody could release it.
   */
  acquireSync(target: Target, options: AcquireOptions = NO_OPTIONS): Lock {
    const attempt = this.#attempt(this.#request(target, options));
    if (attempt instanceof Lock) return attempt;
    const { request, cohort, extra } = attempt;
    if (request.timeout === 0) {
      const grant = secondLookSync(request, cohort);
      if (grant === undefined) throw busyNow(request);
      return take(request, cohort, grant, SECOND_LOOK, extra);
    }
    if (cohort.members.length > 0) {
      const own = 'this very thread holds it, and cannot release while it waits synchronously';
      throw new DeadlockError(request, [own], 'Use acquire, or release the lock first');
    }
    return waitSync(request, cohort, extra);
  }

  /**
   * `with` for scripts that cannot wait asynchronously.
   *
   * @throws {InputError} `body` returns a promise: the lock is released by then, for nothing could hold it any longer.
   */
  withSync<T>(target: Target, options: AcquireOptions, body: SyncBody<T>): T {
    checkBody(body);
    const lock = this.acquireSync(target, options);
    const holding = holdingOf(lock);
    try {
      const result = runHolding(holding, () => body(lock)) as T;
      if (isPromise(result)) throw promiseOf(lock);
      const lost = holding.findLoss();
      if (lost !== undefined) throw lost;
      return result;
    } finally {
      void lock.release();
    }
  }

  /** Every lock of this manager's directory, free ones included, as it is seen now. */
  list(): LockInfo[] {
    return query(this.directory).all;
  }

  /** What is held in this manager's directory, by whom, and what this thread waits for. */
  query(): QueryResult {
    const { held, pending } = query(this.directory);
    return { held, pending };
  }

  /** One lock as it is seen now, without taking it. @throws {UnwritableError | ExhaustedError} nothing can be seen of it. */
  inspect(target: Target): LockInfo {
    const { label, path } = this.#resolve(target);
    const { state, holders, waiters, contract } = engine.inspect(path);
    return { resource: label, path, state, holders, waiters, contract };
  }

  /**
   * Removes the claim of one holder of a portable lock, on the caller's word that it is gone for good: for a holder on
   * another machine, whose death nothing here can prove. `claim` is that of its record in `inspect`, so that no other
   * holder can be hit. Refuses (`alive`) one that is seen to live. One that lives unseen loses the lock and is told by its
   * next `assertHeld`, so two may be at work until then.
   */
  breakClaim(target: Target, claim: string): Abandoned {
    if (typeof claim !== 'string' || claim === '') {
      throw new InputError('claim', `must be the identity of a claim, got ${shown(claim)}`);
    }
    return abandonClaim(this.#resolve(target).path, claim);
  }

  /**
   * Resolves when the lock is seen to be free; takes nothing. @throws the signal's reason when `signal` aborts.
   * @throws {UnwritableError | ExhaustedError} nothing can be seen of the lock.
   */
  async untilFree(target: Target, options: WatchOptions = {}): Promise<void> {
    checkWatchOptions(options);
    const { signal } = options;
    const { path } = this.#resolve(target);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => {
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onError = (error: unknown) => end(() => reject(error));
      const stop = engine.untilFree(path, () => end(resolve), onError);
      const onAbort = () => {
        stop();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The lock file of a target, which need not exist. */
  pathOf(target: Target): string {
    return this.#resolve(target).path;
  }

  /** Ends the audit of this manager, if it has one. Its locks are not affected. */
  close(): void {
    this.#audit?.stop();
  }

  #resolve(target: Target): Resource {
    if (typeof target === 'string') {
      const known = this.#names.get(target);
      if (known !== undefined) return known;
    }
    const checked = targetOf(target);
    if ('file' in checked) return fileResource(checked.file);
    const resource = nameResource(checked.name, this.directory, this.#cliPlace);
    this.#names.set(checked.name, resource);
    return resource;
  }

  #request(target: Target, options: AcquireOptions, timeout = options?.timeout): Request {
    if (options !== NO_OPTIONS) checkAcquireOptions(options);
    if (typeof target !== 'string') refuseMode(target);
    const { label, path, beside, cliName } = this.#resolve(target);
    const defaults = this.#options;
    const request: Request = {
      id: ++requests,
      manager: this.#id,
      path,
      resource: label,
      cliName,
      mode: options.permits === undefined ? (options.mode ?? 'exclusive') : 'shared',
      permits: options.permits,
      timeout: timeout ?? defaults.timeout ?? defaultTimeout(path),
      signal: options.signal,
      holding:
        options.holding === undefined
          ? enclosingAll()
          : [...options.holding.map(requestOf), ...enclosingAll()],
      holdLimit: options.holdLimit ?? defaults.holdLimit,
      strict: defaults.strict === true,
      reentrant: options.reentrant === true,
      access: defaults.scope === 'system' ? 'everyone' : 'owner',
      anonymous: defaults.record === 'anonymous',
      beside,
      purpose: options.purpose,
      pollInterval: options.pollInterval ?? defaults.pollInterval,
      terms: givesTerms(options) ? this.#termsOf(options) : this.#terms,
    };
    return request;
  }

  #termsOf(options: AcquireOptions): Terms {
    checkTogether(termsFrom(options, this.#given));
    return termsFrom(options, this.#options);
  }

  /** What can be had without waiting: the lock, or everything a wait for it needs. */
  #attempt(request: Request, extra: readonly Degradation[] = []): Lock | Attempt {
    request.signal?.throwIfAborted();
    if (request.holding.length > 0) {
      const outer = enclosing(request.path);
      if (outer !== undefined) return again(request, outer, extra);
      if (request.holding.some(({ path }) => path === request.path)) throw selfDeadlock(request);
    }
    watchExit();
    if (extra.length === 0) announce(request);
    const cohort = cohortOf(request.path);
    if (!cohort.isOpenTo(request.mode)) return { request, cohort, extra };
    let grant: Grant | undefined;
    try {
      grant = engine.tryAcquire(request) ?? (request.timeout === 0 ? tryAfterProbe(request) : undefined);
    } catch (error) {
      const fallback = this.#fallback(request, error);
      if (fallback === undefined || extra.length > 0) throw error;
      return this.#attempt(fallback.request, [fallback.degradation]);
    }
    return grant === undefined ? { request, cohort, extra } : take(request, cohort, grant, 0, extra);
  }

  /** Where a request goes whose own directory cannot be written. */
  #fallback(request: Request, error: unknown): { request: Request; degradation: Degradation } | undefined {
    const { fallbackDirectory, strict } = this.#options;
    if (fallbackDirectory === undefined || !(error instanceof UnwritableError)) return undefined;
    if (strict === true) {
      const detail = `${request.path} cannot be made (${error.systemCode}), only one in ${fallbackDirectory}`;
      throw new DegradedError(request, [detail]);
    }
    const { resource: label, path, beside, cliName } = request;
    const resource = { label, path, cliName, ...(beside === undefined ? {} : { beside }) };
    const moved = fallbackResource(resource, resolve(fallbackDirectory));
    const detail = `${path} cannot be made (${error.systemCode}), so the lock lies in ${fallbackDirectory}, where only contenders that fell back too will meet it`;
    return {
      request: { ...request, beside: undefined, path: moved.path, cliName: moved.cliName },
      degradation: { reason: 'fallback-directory', path: moved.path, detail },
    };
  }
}

/** A lock that has to be waited for. */
interface Attempt {
  readonly request: Request;
  readonly cohort: Cohort;
  readonly extra: readonly Degradation[];
}

async function takeLate({ request, cohort, extra }: Attempt): Promise<Lock | undefined> {
  const grant = await secondLook(request, cohort);
  return grant === undefined ? undefined : take(request, cohort, grant, SECOND_LOOK, extra);
}

async function atOnce(attempt: Attempt): Promise<Lock> {
  const lock = await takeLate(attempt);
  if (lock === undefined) throw await busy(attempt.request);
  return lock;
}

function cliPlaceOf(directory: string | undefined, scope: ManagerOptions['scope']): CliPlace {
  if (directory === undefined) return scope === 'system' ? { system: true } : {};
  return { directory };
}

function selfDeadlock(request: Request): DeadlockError {
  return new DeadlockError(request, ['the caller says it holds it already'], 'Use the lock it holds');
}
