import type { Degradation, Grant, Inspection, Waiting } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { BusyError, DegradedError, TimeoutError } from '../errors/lock-errors.ts';
import { channels, publish } from '../events/channel.ts';
import { trace } from '../trace/trace.ts';
import type { Cohort, Pending } from './cohort.ts';
import { after } from './deadline.ts';
import { DeadlockPoll, DeadlockWatch } from './deadlock.ts';
import { Holding } from './holding.ts';
import { watchForLeaks } from './leaks.ts';
import { Lock } from './lock.ts';
import { eventBase, type Request } from './request.ts';
import { seen } from './seen.ts';

/** Tells that a lock is asked for. @throws the signal's reason, when somebody who is told of the request aborts it. */
export function announce(request: Request): void {
  publish('requested', () => ({ ...eventBase(request), timeout: request.timeout }));
  const { signal } = request;
  if (signal?.aborted !== true) return;
  publish('aborted', () => ({ ...eventBase(request), waited: 0, reason: signal.reason }));
  throw signal.reason;
}

/** Turns a grant into a lock, and says so; refuses a degraded one when strict. `extra`: what the manager knows on top. */
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
  if (degraded.length > 0) {
    for (const degradation of degraded) publish('degraded', () => ({ ...eventBase(request), degradation }));
    if (request.strict) {
      grant.release();
      throw new DegradedError(
        request,
        degraded.map(({ detail }) => detail),
      );
    }
  }
  const holding = new Holding(request, grant, cohort);
  watchForLeaks();
  cohort.enter(holding);
  publish('granted', () => ({ ...eventBase(request), waited }));
  const previous = grant.recovered;
  if (previous !== undefined) publish('recovered', () => ({ ...eventBase(request), previous }));
  return new Lock(holding, besides);
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
    const lock = seen(path);
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
  return new BusyError({ ...request, holders, waiters, waited: 0, ...placeOf(request) });
}

/** The error of a wait that took too long. */
function timedOut(request: Request, waited: number, position?: number): TimeoutError {
  const { holders } = seen(request.path);
  publish('timed-out', () => ({ ...eventBase(request), waited, holders }));
  const place = position === undefined ? {} : { position };
  return new TimeoutError({ ...request, holders, waited, ...place, ...placeOf(request) });
}

/** Waits on this very thread. */
export function waitSync(request: Request, cohort: Cohort, extra: readonly Degradation[]): Lock {
  const started = performance.now();
  const deadlock = request.holding.length > 0 ? new DeadlockPoll(request) : undefined;
  trace?.(
    request.path,
    `request ${request.id} waits on its thread (${request.mode}, timeout ${request.timeout} ms)`,
  );
  try {
    const grant = engine.acquireSync(request, request.timeout, () => deadlock?.poll());
    const waited = performance.now() - started;
    trace?.(
      request.path,
      `request ${request.id} is ${grant === undefined ? 'out of time' : 'granted'} after ${Math.round(waited)} ms`,
    );
    if (grant === undefined) throw timedOut(request, waited);
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
 * No late grant (trace): each end first marks the wait as over, then cancels the engine's wait and leaves the cohort. The
 * engine calls back on this thread only, so a grant comes either before, and is the end itself, or never.
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
    this.request = request;
    this.#cohort = cohort;
    this.#extra = extra;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#stopTimer = after(request.timeout, () => this.#timeOut(), 'alive');
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
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
    const ahead = first instanceof Wait ? first.#waiting?.position : undefined;
    return (ahead ?? 1) + own - 1;
  }

  engage(): void {
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
    try {
      this.#resolve(take(this.request, this.#cohort, grant, this.waited, this.#extra));
    } catch (error) {
      this.#reject(error);
    }
    this.#cohort.withdraw(this); // after the lock entered, so that the next in line sees it
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    trace?.(
      this.request.path,
      `request ${this.request.id} ends after ${Math.round(this.waited)} ms: ${error}`,
    );
    this.#over = true;
    this.#quiet();
    this.#waiting?.cancel();
    this.#cohort.withdraw(this);
    this.#reject(error);
  }

  #timeOut(): void {
    if (this.#over) return;
    const waited = Math.max(this.waited, this.request.timeout); // a timer may be early by a fraction of a millisecond
    this.#fail(timedOut(this.request, waited, this.position));
  }

  readonly #onAbort = () => {
    const reason: unknown = this.request.signal?.reason;
    publish('aborted', () => ({ ...eventBase(this.request), waited: this.waited, reason }));
    this.#fail(reason);
  };

  #quiet(): void {
    this.#stopTimer();
    this.#deadlock?.stop();
    this.request.signal?.removeEventListener('abort', this.#onAbort);
  }
}
