import { duration } from '../errors/describe.ts';
import { after } from '../lock/deadline.ts';
import { performance } from '../time/time.ts';
import { Fault } from './fault.ts';

/**
 * Aborts one request when nothing came for a time while something was waited for. What the receiver takes for itself, as
 * when its disk is slow, does not count.
 */
export class StallWatch {
  readonly signal: AbortSignal;
  readonly #aborter = new AbortController();
  readonly #longest: number;
  #stopTimer = () => {};
  #isWaiting = true;
  #since = performance.now();

  constructor(ms: number, outer: AbortSignal) {
    this.#longest = ms;
    this.signal = AbortSignal.any([outer, this.#aborter.signal]);
    this.#look(ms);
  }

  /** From now on, something is waited for. */
  waits(): void {
    this.#isWaiting = true;
    this.#since = performance.now();
  }

  /** Something came. */
  got(): void {
    this.#isWaiting = false;
  }

  end(): void {
    this.#stopTimer();
  }

  #look(ms: number): void {
    const look = () => {
      const waited = this.#isWaiting ? performance.now() - this.#since : 0;
      if (waited < this.#longest) this.#look(this.#longest - waited);
      else this.#aborter.abort(this.#fault());
    };
    this.#stopTimer = after(ms, look, 'alive');
  }

  #fault(): Fault {
    const next = 'Try again later, or allow more time (stallTimeout)';
    const problem = `nothing came for ${duration(this.#longest)}`;
    return new Fault(problem, { nature: 'passing', isIncomplete: true, next });
  }
}
