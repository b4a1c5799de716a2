import { performance, setImmediate } from './time.ts';

/** Gives timers and sockets their turn now and then, in work that would leave them none. */
export class Rests {
  readonly #slice: number;
  #rested = performance.now();

  /** `slice`: milliseconds of work after which a rest is due. */
  constructor(slice: number) {
    this.#slice = slice;
  }

  /** Asked before `take`, so that work without a rest has nothing to wait for. */
  get isDue(): boolean {
    return performance.now() - this.#rested > this.#slice;
  }

  async take(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#rested = performance.now();
  }
}
