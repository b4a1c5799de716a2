import { performance } from '../time/time.ts';
import { SECOND_LOOK } from './engine.ts';

/** How often it looks unless it is told otherwise, in milliseconds. */
const EVERY = 250;

/**
 * Tells a waiter behind others that blocks its thread when it may take the lock all the same: when it found it free, and
 * free again so much later that a head that is awake would have taken it: 20 ms for one that was woken.
 */
export class LookPast {
  readonly #every: number;
  #next: number;
  #seenFree = false;

  constructor(every = EVERY) {
    this.#every = every;
    this.#next = performance.now() + every;
  }

  /** `patience`: from the first look to the second, in milliseconds. */
  mayPass(isFree: () => boolean, patience = SECOND_LOOK): boolean {
    const now = performance.now();
    if (now < this.#next) return false;
    const free = isFree();
    const passes = free && this.#seenFree;
    this.#seenFree = free && !passes;
    this.#next = now + (this.#seenFree ? patience : this.#every);
    return passes;
  }
}
