import type { Degradation, Grant, Inspection, Waiting } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { BusyError, DegradedError, TimeoutError } from '../errors/lock-errors.ts';
import { channels, publish } from '../events/channel.ts';
import { statOrNothing } from '../storage/fs/stat.ts';
import { performance, setTimeout } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import type { Cohort, Pending } from './cohort.ts';
import { after } from './deadline.ts';
import { DeadlockPoll, DeadlockWatch } from './deadlock.ts';
import { Holding } from './holding.ts';
import { watchForLeaks } from './leaks.ts';
import { type Lock, lockOf } from './lock.ts';
import { onAbort } from './on-abort.ts';
import { holdersFor } from './own-hold.ts';
import { eventBase, type Request } from './request.ts';
import { seen, seenTogether } from './seen.ts';

/** Tells of a directory that an attempt has made, or another process at the same time: it was missing just before. */
export function tellOfDirectory(request: Request, directory: string): void {
  if (statOrNothing(directory) === undefined) return;
  publish('directory-made', () => ({ ...eventBase(request), directory }));
}

/** A request that waits, and has noted what is made for it then. */
function noting(request: Request): Request {
  return request.beside === undefined ? request : { ...request, home: {} };
}

/** Tells what was made for a request while it waited: somebody had removed the directory. */
function tellOfHome({ home, ...request }: Request): void {
  if (home?.made !== undefined) tellOfDirectory(request, home.made);
}

/** Tells that a lock is asked for. @throws the signal's reason, when somebody who is told of the request aborts it. */
export function announce(request: Request): void {
  publish('requested', () => ({ ...eventBase(request), timeout: request.timeout }));
  if (request.signal?.aborted === true) throw aborted(request, 0);
}

/** Tells that a request was aborted, once it is over; the reason. */
export function aborted(request: Request, waited: number): unknown {
  const reason: unknown = request.signal?.reason;
  publish('aborted', () => ({ ...eventBase(request), waited, reason }));
  return reason;
}

/**
 * Turns a grant into a lock, and says so; refuses a degraded one when strict. `extra`: what the manager knows on top.
 *
 * Whoever is told may do anything: abort the request, or ask for the same lock. So the thread is known to hold it before
 * anybody is told of it, and a request that is aborted by the time it would be told of the grant gives it back.
 *
 * @throws {DegradedError} @throws the signal's reason
 */
export function take(
  request: Request,
  cohort: Cohort,
  grant: Grant,
  waited: number,
  extra: readonly Degradation[] = [],
): Lock {
  const ofPlace = engine.degradationOf(request, grant.contract);
  const besides = ofPlace.length === 0 ? extra : [...ofPlace, ...extra];
  const degraded = besides.length === 0 ? grant.degraded : [...grant.degraded, ...besides];
  const holding = new Holding(request, grant, cohort);
  watchForLeaks();
  cohort.enter(holding);
  for (const degradation of degraded) publish('degraded', () => ({ ...eventBase(request), degradation }));
  if (request.signal?.aborted === true) {
    holding.decline();
    throw aborted(request, waited);
  }
  if (degraded.length > 0 && request.strict) {
    holding.decline();
    throw new DegradedError(
      request,
      degraded.map(({ detail }) => detail),
    );
  }
  publish('granted', () => ({ ...eventBase(request), waited }));
  const previous = grant.recovered;
  if (previous !== undefined) publish('recovered', () => ({ ...eventBase(request), previous }));
  return lockOf(holding, besides);
}

/** How long, in milliseconds, an error waits for the record of a holder that has only just got the lock. */
const RECORD_DUE = 50;
const RECORD_PAUSE = 2;

/**
 * The lock, once its holders have had the time to say who they are: between getting the lock and writing the record a holder
 * may be suspended, and would be taken for a program without one.
 */
async function settled(path: string): Promise<Inspection> {
  const due = performance.now() + RECORD_DUE;
  for (;;) {
    const lock = seenTogether(path);
    if (!lock.holders.some(({ foreign }) => foreign) || performance.now() > due) return lock;
    await new Promise((resolve) => setTimeout(resolve, RECORD_PAUSE));
  }
}

/** The error of a lock that is held by somebody else, for a request that does not wait. */
export async function busy(request: Request): Promise<BusyError> {
  return busyNow(request, await settled(request.path));
}

/** The same for callers that cannot wait for a moment. */
export function busyNow(request: Request, lock: Inspection = seen(request.path)): BusyError {
  const { holders } = lock;
  const waiters = lock.state === 'free' ? lock.waiters.map(({ record }) => record) : [];
  publish('timed-out', () => ({ ...eventBase(request), waited: 0, holders }));
  const facts = { ...request, ...holdersFor(request, holders), ...placeOf(request) };
  return new BusyError({ ...facts, waiters, waited: 0 });
}

/** The error of a wait that took too long. Tells nobody. */
function timeoutOf(
  request: Request,
  { holders }: Inspection,
  waited: number,
  position?: number,
): TimeoutError {
  const place = position === undefined ? {} : { position };
  const facts = { ...request, ...holdersFor(request, holders), ...placeOf(request) };
  return new TimeoutError({ ...facts, waited, ...place });
}

/** Tells that a wait took too long, once it is over. */
function tellTimedOut(request: Request, { waited, holders }: TimeoutError): void {
  publish('timed-out', () => ({ ...eventBase(request), waited, holders }));
}

/** Waits on this very thread. */
export function waitSync(asked: Request, cohort: Cohort, extra: readonly Degradation[]): Lock {
  const request = noting(asked);
  const started = performance.now();
  const deadlock = request.holding.length > 0 ? new DeadlockPoll(request) : undefined;
  trace?.(
    request.path,
    `request ${request.id} waits on its thread (${request.mode}, timeout ${request.timeout} ms)`,
  );
  try {
    const grant = engine.acquireSync(request, request.timeout, () => deadlock?.poll());
    const waited = performance.now() - started;
    tellOfHome(request);
    trace?.(
      request.path,
      `request ${request.id} is ${grant === undefined ? 'out of time' : 'granted'} after ${Math.round(waited)} ms`,
    );
    if (grant === undefined) {
      const error = timeoutOf(request, seen(request.path), waited);
      tellTimedOut(request, error);
      throw error;
    }
    return take(request, cohort, grant, waited, extra);
  } finally {
    deadlock?.stop();
  }
}

/** What an error about contention says of a network drive. */
function placeOf({ path }: Request): { readonly networkDrive?: string } {
  const networkDrive = engine.networkDriveOf(path);
  return networkDrive === undefined ? {} : { networkDrive };
}

/**
 * One asynchronous wait, from the moment the lock was found busy to its single end: granted, failed, timed out, aborted.
 *
 * No late grant (trace): each end first marks the wait as over, then cancels the engine's wait and leaves the cohort, and
 * only then tells anybody, who may release, abort and acquire as they like. The engine calls back on this thread only, so a
 * grant comes either before, and is the end itself, or never. A grant that is the end all the same is given back by `take`
 * when the signal was aborted by then: another listener of that signal, which ran first, may have released the lock.
 */
export class Wait implements Pending {
  readonly mode: Request['mode'];
  readonly request: Request;
  readonly #cohort: Cohort;
  readonly #extra: readonly Degradation[];
  readonly #started = performance.now();
  readonly #resolve: (lock: Lock) => void;
  readonly #reject: (error: unknown) => void;
  readonly #stopTimer: () => void;
  readonly #stopListening: () => void;
  #waiting: Waiting | undefined;
  #deadlock: DeadlockWatch | undefined;
  #announced = 0;
  #over = false;

  private constructor(
    request: Request,
    cohort: Cohort,
    extra: readonly Degradation[],
    resolve: (lock: Lock) => void,
    reject: (error: unknown) => void,
  ) {
    this.mode = request.mode;
    this.request = noting(request);
    this.#cohort = cohort;
    this.#extra = extra;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#stopTimer = after(request.timeout, () => this.#timeOut(), 'alive');
    this.#stopListening = onAbort(request.signal, () => this.#abort());
    if (request.holding.length > 0) {
      this.#deadlock = new DeadlockWatch(request, (error) => this.#fail(error));
    }
  }

  static for(request: Request, cohort: Cohort, extra: readonly Degradation[]): Promise<Lock> {
    return new Promise((resolve, reject) => {
      const wait = new Wait(request, cohort, extra, resolve, reject);
      trace?.(request.path, `request ${request.id} waits (${request.mode}, timeout ${request.timeout} ms)`);
      cohort.join(wait);
      wait.#announce();
    });
  }

  get waited(): number {
    return performance.now() - this.#started;
  }

  /** Place in the line of all processes, as far as it is known: that of this thread's first, and those before this one. */
  get position(): number {
    const own = this.#cohort.positionOf(this);
    const first = this.#cohort.queue[0];
    return (first?.positionOfThread ?? 1) + own - 1;
  }

  get positionOfThread(): number | undefined {
    return this.#waiting?.position;
  }

  engage(): void {
    if (this.#over) return;
    if (this.#waiting !== undefined) {
      this.#waiting.poke();
      return;
    }
    try {
      this.#waiting = engine.wait(this.request, {
        granted: (grant) => this.#granted(grant),
        failed: (error) => this.#fail(error),
        degraded: (degradation) => publish('degraded', () => ({ ...eventBase(this.request), degradation })),
        moved: () => this.#announce(),
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #announce(): void {
    if (this.#over || !channels.waiting.hasSubscribers) return;
    const position = this.position;
    if (position === this.#announced) return;
    this.#announced = position;
    const { holders } = seen(this.request.path);
    publish('waiting', () => ({ ...eventBase(this.request), waited: this.waited, holders, position }));
  }

  accept(grant: Grant): void {
    this.#waiting?.cancel(); // it may be under way, when a synchronous wait passed this one
    this.#granted(grant);
  }

  #granted(grant: Grant): void {
    trace?.(this.request.path, `request ${this.request.id} is granted after ${Math.round(this.waited)} ms`);
    this.#over = true;
    this.#quiet();
    tellOfHome(this.request);
    try {
      this.#resolve(take(this.request, this.#cohort, grant, this.waited, this.#extra));
    } catch (error) {
      this.#reject(error);
    }
    this.#cohort.withdraw(this); // after the lock entered, so that the next in line sees it
  }

  /** `tell`: what others are told of it, when nothing of the wait is left. */
  #fail(error: unknown, tell?: () => void): void {
    if (this.#over) return;
    trace?.(
      this.request.path,
      `request ${this.request.id} ends after ${Math.round(this.waited)} ms: ${error}`,
    );
    this.#over = true;
    this.#quiet();
    this.#waiting?.cancel();
    this.#cohort.giveUp(this);
    this.#reject(error);
    tellOfHome(this.request);
    tell?.();
  }

  #timeOut(): void {
    if (this.#over) return;
    const waited = Math.max(this.waited, this.request.timeout); // a timer may be early by a fraction of a millisecond
    const error = timeoutOf(this.request, seenTogether(this.request.path), waited, this.position);
    this.#fail(error, () => tellTimedOut(this.request, error));
  }

  #abort(): void {
    this.#fail(this.request.signal?.reason, () => aborted(this.request, this.waited));
  }

  #quiet(): void {
    this.#stopTimer();
    this.#deadlock?.stop();
    this.#stopListening();
  }
}
