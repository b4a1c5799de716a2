import { join } from 'node:path';
import { shared } from '../copies/shared.ts';
import type { Degradation, Grant, Terms } from '../engine/engine.ts';
import { type Abandoned, abandonClaim, engine } from '../engine/index.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { DeadlockError } from '../errors/lock-errors.ts';
import { AuditLog } from '../events/audit.ts';
import { known } from '../identity/place.ts';
import { BoundedCache } from '../storage/bounded-cache.ts';
import { SYSTEM_HOME, stateHome } from '../storage/home.ts';
import { absolute } from '../storage/working-directory.ts';
import { announce, busy, busyNow, take, tellOfDirectory, Wait, waitSync } from './acquisition.ts';
import type { Body, OptionsAndBody, SyncBody } from './body.ts';
import { isPromise, NO_OPTIONS, optionsAndBody, promiseOf } from './body.ts';
import { type CliPlace, cliPlaceOf } from './cli-name.ts';
import { type Cohort, cohortOf } from './cohort.ts';
import { enclosing, runHolding } from './context.ts';
import { environmentOptions, keepsStacks } from './environment.ts';
import { watchExit } from './exit.ts';
import { fallbackOf, placeToLook, untilFree } from './fallback.ts';
import { heldByOtherPath, holdingUnder, selfDeadlock } from './held-around.ts';
import { holdingOf, Lock } from './lock.ts';
import { acquireSet, type LockSet } from './lock-set.ts';
import { onAbort } from './on-abort.ts';
import {
  type AcquireOptions,
  checkAcquireOptions,
  checkManagerOptions,
  checkWatchOptions,
  type ManagerOptions,
  refuseTimeout,
  type WatchOptions,
} from './options.ts';
import { isSharedAgain, outerOf, pathInside, unnested } from './outer.ts';
import { holdOf, stackOfCaller } from './own-hold.ts';
import { calledBy, inspectAs, type LockInfo, type QueryResult, query } from './query.ts';
import { again } from './reentrancy.ts';
import type { Request } from './request.ts';
import {
  fileResource,
  nameResource,
  partsOf,
  type Resource,
  realPathOf,
  refuseMode,
  type Target,
  type TargetWithMode,
  targetOf,
} from './resource.ts';
import { firstPaths } from './same-lock.ts';
import { secondLook, secondLookSync, tryAfterProbe } from './second-look.ts';
import { checkTogether, defaultTimeout, givesTerms, termsFrom } from './terms.ts';

/** For ids that are unique in this thread. */
const made = shared('made', () => ({ managers: 0, requests: 0 }));

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
  /** By which events say whose they are. */
  readonly id = ++made.managers;
  readonly #keepsStacks = keepsStacks();
  /** As it was asked for. */
  readonly #givenDirectory: string | undefined;
  #directory: string | undefined;
  /** By which options the command line finds the locks on names. */
  readonly #cliPlace: CliPlace;

  /** @throws {InputError} naming the option, or the environment variable, that cannot be used. */
  constructor(options: ManagerOptions = {}) {
    checkManagerOptions(options);
    this.#given = known(options);
    this.#options = { ...environmentOptions(), ...this.#given };
    this.#terms = termsFrom(this.#options);
    if (options.directory !== undefined) this.#givenDirectory = absolute(options.directory, 'directory');
    this.#cliPlace = cliPlaceOf(this.#givenDirectory, options.scope);
    if (options.audit !== undefined) {
      const isOwn = ({ manager }: { readonly manager: number }) => manager === this.id;
      this.#audit = new AuditLog({ ...options.audit, filter: isOwn, documentFilter: isOwn });
    }
  }

  /** Where the locks on names live, by its real path. @throws {InputError} when an environment variable that names it is no absolute path. */
  get directory(): string {
    // One lock has one path in this process, by which the code that holds it is known.
    const home = () => (this.#options.scope === 'system' ? SYSTEM_HOME : stateHome());
    this.#directory ??= realPathOf(this.#givenDirectory ?? join(home(), 'locks'));
    return this.#directory;
  }

  /**
   * Acquires a lock, waiting for it where needed: requests of this thread in order of their calls.
   *
   * @throws {BusyError} `timeout: 0` and the lock is held. @throws {TimeoutError} not granted in time.
   * @throws {DeadlockError} the enclosing `with` holds it. @throws {InputError} an option or name cannot be used.
   * @throws {UnwritableError | RefusedError | UnsupportedError | DegradedError | ExhaustedError} no lock is available here.
   * @throws {ContractError} only one that is worth less than `require`. @throws {EngineMismatchError} others use another
   * engine for this lock, which is not available here or not wanted.
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
    refuseTimeout(options);
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
    const parts = targets.map((wanted) => {
      const [target, mode] = partsOf(wanted);
      const merged = mode === undefined ? options : { ...options, mode };
      if (mode !== undefined) checkAcquireOptions(merged);
      return { target, merged, own: this.#resolve(target).path };
    });
    const firsts = firstPaths(parts.map(({ own }) => own));
    const requests = new Map<string, { target: Target; options: AcquireOptions }>();
    for (const { target, merged, own } of parts) {
      const path = firsts.get(own) ?? own;
      const other = requests.get(path);
      if (other === undefined || (other.options.mode === 'shared' && merged.mode !== 'shared')) {
        requests.set(path, { target, options: merged });
      }
    }
    const ordered = [...requests].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request);
    const defaults = [...requests.keys()].map(defaultTimeout);
    const timeout = options.timeout ?? this.#options.timeout ?? Math.max(0, ...defaults);
    return acquireSet(ordered, timeout, (target, each) => this.acquire(target, each));
  }

  /**
   * Runs `body` while the lock is held and releases it whatever the body does. The body's error goes before any other; a
   * body that succeeded while its lock was lost is reported as `LostError`.
   */
  with<T>(target: Target, body: Body<T>): Promise<T>;
  with<T>(target: Target, options: AcquireOptions | undefined, body: Body<T>): Promise<T>;
  async with<T>(target: Target, ...rest: OptionsAndBody<Body<T>>): Promise<T> {
    const [options, body] = optionsAndBody(rest);
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
      const late = secondLookSync(request, cohort);
      if (late === undefined) throw busyNow(request);
      return take(request, cohort, late.grant, late.waited, extra);
    }
    if (cohort.members.length > 0) {
      const own = 'this very thread holds it, and cannot release while it waits synchronously';
      throw new DeadlockError(
        { ...request, own: holdOf(cohort.members) },
        [own],
        'Use acquire, or release the lock first',
      );
    }
    return waitSync(request, cohort, extra);
  }

  /**
   * `with` for scripts that cannot wait asynchronously.
   *
   * @throws {InputError} `body` returns a promise: the lock is released by then, for nothing could hold it any longer.
   */
  withSync<T>(target: Target, body: SyncBody<T>): T;
  withSync<T>(target: Target, options: AcquireOptions | undefined, body: SyncBody<T>): T;
  withSync<T>(target: Target, ...rest: OptionsAndBody<SyncBody<T>>): T {
    const [options, body] = optionsAndBody(rest);
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

  /** Every lock in this manager's directory that this user may see. @throws {UnwritableError | ExhaustedError} none can be. */
  list(): LockInfo[] {
    return query(this.directory).all;
  }

  /** What is held in this manager's directory, by whom, and what this thread waits for. @throws as `list` does. */
  query(): QueryResult {
    const { held, pending } = query(this.directory);
    return { held, pending };
  }

  /** One lock as it is seen now, without taking it. @throws {UnwritableError | ExhaustedError} nothing can be seen of it. */
  inspect(target: Target): LockInfo {
    const resource = this.#resolve(target);
    const path = placeToLook(resource, this.#options);
    const { state, holders, waiters, contract } = inspectAs(resource.label, path);
    return { resource: resource.label, path, state, holders, waiters, contract };
  }

  /**
   * Removes the claim of one holder of a portable lock, on the caller's word that it is gone for good: for a holder on
   * another machine, whose death nothing here can prove. `claim` is that of its record in `inspect`, so that no other
   * holder can be hit. Refuses (`alive`) one that is seen to live. One that lives unseen loses the lock and is told by its
   * next `assertHeld`, so two may be at work until then. @throws as `inspect` does.
   */
  breakClaim(target: Target, claim: string): Abandoned {
    if (typeof claim !== 'string' || claim === '') {
      throw new InputError('claim', `must be the identity of a claim, got ${shown(claim)}`);
    }
    const { label, path } = this.#resolve(target);
    inspectAs(label, path); // throws where one may not look: then it may well stand there
    return abandonClaim(path, claim);
  }

  /**
   * Resolves when the lock is seen to be free; takes nothing. @throws the signal's reason when `signal` aborts.
   * @throws {UnwritableError | ExhaustedError} nothing can be seen of the lock.
   */
  async untilFree(target: Target, options: WatchOptions = {}): Promise<void> {
    checkWatchOptions(options);
    const { signal } = options;
    const resource = this.#resolve(target);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => {
        stopListening();
        act();
      };
      const onError = (error: unknown) => end(() => reject(calledBy(resource.label, error)));
      const stop = untilFree(resource, this.#options, () => end(resolve), onError);
      const stopListening = onAbort(signal, () => {
        stop();
        reject(signal?.reason);
      });
    });
  }

  /** The lock file of a target, which need not exist; not that in a fallback directory. */
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
    const hold = outerOf(target);
    if (hold !== undefined) return { ...this.#resolve(unnested(target)), path: pathInside(hold) };
    const checked = targetOf(target);
    if ('file' in checked) return fileResource(checked.file);
    const resource = nameResource(checked.name, this.directory, this.#cliPlace);
    if (typeof target === 'string') this.#names.set(target, resource);
    return resource;
  }

  #request(target: Target, options: AcquireOptions, timeout = options?.timeout): Request {
    if (options !== NO_OPTIONS) checkAcquireOptions(options);
    if (typeof target !== 'string') refuseMode(target);
    const { label, path, beside, missing, cliName } = this.#resolve(target);
    const defaults = this.#options;
    const hold = outerOf(target);
    const within = hold !== undefined && isSharedAgain(hold) ? hold : undefined;
    const permits = hold?.permit === undefined ? options.permits : undefined;
    const mode = hold?.permit === undefined ? options.mode : 'exclusive';
    const terms = givesTerms(options) ? this.#termsOf(options) : this.#terms;
    return {
      id: ++made.requests,
      manager: this.id,
      path,
      resource: label,
      cliName,
      mode: permits === undefined ? (mode ?? 'exclusive') : 'shared',
      permits,
      timeout: timeout ?? defaults.timeout ?? defaultTimeout(path),
      signal: options.signal,
      holding: holdingUnder(options, within),
      stack: this.#keepsStacks ? stackOfCaller() : undefined,
      holdLimit: options.holdLimit ?? defaults.holdLimit,
      strict: defaults.strict === true,
      reentrant: options.reentrant === true,
      detached: options.detached === true,
      access: defaults.scope === 'system' ? 'everyone' : 'owner',
      anonymous: defaults.record === 'anonymous',
      beside,
      missing,
      purpose: options.purpose,
      pollInterval: options.pollInterval ?? defaults.pollInterval,
      terms:
        hold === undefined ? terms : { ...terms, engine: engine.engineAt(hold.permit?.lock ?? hold.path) },
      within,
    };
  }

  #termsOf(options: AcquireOptions): Terms {
    checkTogether(termsFrom(options, this.#given));
    return termsFrom(options, this.#options);
  }

  /** The lock, if it is available at once; else everything that a wait for it needs. */
  #attempt(request: Request, extra: readonly Degradation[] = []): Lock | Attempt {
    request.signal?.throwIfAborted();
    if (request.holding.length > 0) {
      const outer = request.detached ? undefined : enclosing(request.path);
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
      const fallback = fallbackOf(request, error, this.#options);
      if (fallback === undefined || extra.length > 0) throw error;
      return this.#attempt(fallback.request, [fallback.degradation]);
    }
    if (request.missing !== undefined) tellOfDirectory(request, request.missing);
    if (grant !== undefined) return take(request, cohort, grant, 0, extra);
    const other = heldByOtherPath(request);
    return other === undefined ? { request, cohort, extra } : again(request, other, extra);
  }
}

/** A lock that has to be waited for. */
interface Attempt {
  readonly request: Request;
  readonly cohort: Cohort;
  readonly extra: readonly Degradation[];
}

async function takeLate({ request, cohort, extra }: Attempt): Promise<Lock | undefined> {
  const late = await secondLook(request, cohort);
  return late === undefined ? undefined : take(request, cohort, late.grant, late.waited, extra);
}

async function atOnce(attempt: Attempt): Promise<Lock> {
  const lock = await takeLate(attempt);
  if (lock === undefined) throw await busy(attempt.request);
  return lock;
}
