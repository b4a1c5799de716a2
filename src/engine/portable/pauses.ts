const FIRST = 1;
const GROWTH = 1.6;
/** Unless another one is asked for. */
export const LONGEST_PAUSE = 50;
const LONGEST_TIMER = 2 ** 31 - 1;

/** Pauses between two looks, in milliseconds: they grow, and no two waiters keep step. */
export class Pauses {
  readonly #longest: number;
  #pause = FIRST;

  constructor(longest = LONGEST_PAUSE) {
    this.#longest = Math.min(longest, LONGEST_TIMER);
  }

  next(): number {
    const pause = Math.min(this.#pause, this.#longest);
    this.#pause = Math.min(this.#pause * GROWTH, this.#longest);
    return pause * (0.5 + Math.random() / 2);
  }

  restart(): void {
    this.#pause = FIRST;
  }
}
