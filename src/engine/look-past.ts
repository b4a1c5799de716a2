import { SECOND_LOOK } from './engine.ts';

/** How often it looks unless it is told otherwise, in milliseconds. */
const EVERY = 250;

/**
 * Tells a waiter behind others that blocks its thread when it may take the lock all the same: when it found it free, and
 * free again 20 ms later, which is long enough for a head that was woken to have taken it.
 */
export class LookPast {
  readonly #every: number;
  #next: number;
  #seenFree = false;

  constructor(every = EVERY) {
    this.#every = every;
    this.#next = performance.now() + every;
  }

  mayPass(isFree: () => boolean): boolean {
    const now = performance.now();
    if (now < this.#next) return false;
    const free = isFree();
    const passes = free && this.#seenFree;
    this.#seenFree = free && !passes;
    this.#next = now + (this.#seenFree ? SECOND_LOOK : this.#every);
    return passes;
  }
}
