import { AsyncLocalStorage } from 'node:async_hooks';
import { holder, shellWord } from '../errors/describe.ts';
import { DeadlockError, TimeoutError } from '../errors/lock-errors.ts';
import type { OnceAbandonedError } from '../errors/once-errors.ts';
import { self } from '../identity/self.ts';
import { after } from '../lock/deadline.ts';
import { onAbort } from '../lock/on-abort.ts';
import type { AcquireOptions } from '../lock/options.ts';
import { seenTogether } from '../lock/seen.ts';
import { performance } from '../time/time.ts';
import { onceCommand } from './hint.ts';
import type { Job, Outcome } from './job.ts';
import { Meanwhile } from './meanwhile.ts';
import { takeTurn } from './run.ts';
import type { Place } from './scope.ts';

/** What a flight needs to know of the call that started it. */
export type FlightPlan = Omit<Job, 'waited' | 'signal' | 'giveUp'> & {
  readonly place: Place;
  /** Of the call. */
  readonly attempts: number;
  /** Locks that are held around the call, in processes around this one. */
  readonly holding?: AcquireOptions['holding'];
  /** Of the lock. */
  readonly purpose?: string;
};

/** How one caller waits. */
export interface Patience {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  /** How many runs in a row may end without a result until it gives up. */
  readonly attempts: number;
}

interface Caller extends Pick<Patience, 'attempts'> {
  readonly reject: (error: Error) => void;
}

/** The flight whose work the running code belongs to. */
const around = new AsyncLocalStorage<Flight>();

/**
 * What all callers of one key in this thread share: one wait for the lock, which an outcome may end before, and one run if
 * it comes to that. It is aborted when its last caller has gone.
 */
export class Flight {
  readonly outcome: Promise<Outcome>;
  readonly #plan: FlightPlan;
  readonly #onEnd: () => void;
  readonly #abort = new AbortController();
  readonly #started = performance.now();
  /** The clocks of those who came before the lock was granted. */
  readonly #clocks = new Set<() => void>();
  /** The flights whose outcome the work of this one waits for. */
  readonly #awaits = new Set<Flight>();
  readonly #callers = new Set<Caller>();
  #isJoined = false;
  #granted = false;

  /** `onEnd` is called when the outcome is there, or nobody wants it any more. */
  constructor(plan: FlightPlan, onEnd: () => void) {
    this.#plan = plan;
    this.#onEnd = onEnd;
    this.outcome = this.#fly().finally(onEnd);
    this.outcome.catch(() => {}); // every caller may have gone
  }

  /** Whether the work of this flight is, or waits for, that of the other. */
  #reaches(other: Flight): boolean {
    return other === this || [...this.#awaits].some((each) => each.#reaches(other));
  }

  /**
   * Waits for the outcome as one caller among others; leaving does not disturb them. The time runs while the lock is
   * somebody else's, and for those who come when it is granted already. A lock that is free is granted before any time
   * can be up, for that takes no turn of the event loop.
   */
  join({ signal, timeout = Number.POSITIVE_INFINITY, attempts }: Patience): Promise<Outcome> {
    const inside = around.getStore();
    if (inside !== undefined) {
      if (this.#reaches(inside)) return Promise.reject(this.#deadlock());
      inside.#awaits.add(this);
    }
    return new Promise((resolve, reject) => {
      const caller = { attempts, reject: (error: Error) => end(() => reject(error)) };
      this.#callers.add(caller);
      this.#isJoined = true;
      let over = false;
      const end = (how: () => void) => {
        if (over) return;
        over = true;
        stopTimer();
        this.#clocks.delete(stopTimer);
        stopListening();
        if (inside !== undefined) inside.#awaits.delete(this);
        how();
        this.#callers.delete(caller);
        if (this.#callers.size === 0) this.#abandon();
      };
      const stopTimer = after(timeout, () => end(() => reject(this.#timedOut())), 'alive');
      if (!this.#granted) this.#clocks.add(stopTimer);
      const stopListening = onAbort(signal, () => end(() => reject(signal?.reason)));
      this.outcome.then(
        (outcome) => end(() => resolve(outcome)),
        (error) => end(() => reject(error)),
      );
    });
  }

  /** Nobody wants the outcome. Later callers start a flight of their own, which waits until the work has ended. */
  #abandon(): void {
    this.#onEnd();
    this.#abort.abort(new DOMException('Every caller has gone', 'AbortError'));
  }

  async #fly(): Promise<Outcome> {
    const { place, attempts: _, holding = [], purpose, ...plan } = this.#plan;
    const waited = place.locks.inspect({ name: place.lock }).state !== 'free';
    const terms = { timeout: Number.POSITIVE_INFINITY, signal: this.#abort.signal, holding };
    const options = purpose === undefined ? terms : { ...terms, purpose };
    const giveUp = (error: OnceAbandonedError) => this.#giveUp(error);
    const job: Job = { ...plan, waited, signal: this.#abort.signal, giveUp };
    const meanwhile = new Meanwhile(place.locks.pathOf({ name: place.lock }), job);
    const turn = around.run(this, () =>
      place.locks.with({ name: place.lock }, options, (lock) => {
        this.#stopClocks();
        meanwhile.end();
        return takeTurn(lock, job);
      }),
    );
    return Promise.race([turn, meanwhile.outcome]).finally(() => meanwhile.end());
  }

  /** Also asked at once, before the first caller has joined. */
  #giveUp(error: OnceAbandonedError): boolean {
    if (!this.#isJoined) return this.#plan.attempts <= error.attempts;
    for (const { attempts, reject } of this.#callers) if (attempts <= error.attempts) reject(error);
    return this.#callers.size === 0;
  }

  #stopClocks(): void {
    this.#granted = true;
    for (const stopTimer of this.#clocks) stopTimer();
  }

  get #facts() {
    const { key, place } = this.#plan;
    const nextStep = `Look: ${onceCommand('--peek', key, place)}`;
    const path = place.locks.pathOf({ name: place.lock });
    return { resource: `once:${key}`, path, cliName: shellWord(place.lock), nextStep };
  }

  #timedOut(): TimeoutError {
    const { holders } = seenTogether(this.#facts.path);
    return new TimeoutError({ ...this.#facts, holders, waited: performance.now() - this.#started });
  }

  #deadlock(): DeadlockError {
    const step = `this very code is part of its run, in ${holder(self())}`;
    return new DeadlockError(this.#facts, [step], 'Call once with another key inside the run');
  }
}
