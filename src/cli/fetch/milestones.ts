/** Milliseconds, and percents, after which there is something to tell again. */
const EVERY = 10_000;
const STEP = 10;

/** Decides when the progress of one thing is worth another line: at its beginning, every tenth, every ten seconds, and when it went back. */
export class Milestones {
  #at: number;
  #done = 0;
  #step = 0;

  /** Its beginning was told at this time of the monotonic clock. */
  constructor(now: number) {
    this.#at = now;
  }

  /** Whether to tell of so many bytes, of which it is then the last to be told; `back`: there were more before. */
  next(done: number, percent: number | undefined, now: number): 'on' | 'back' | undefined {
    const step = Math.floor((percent ?? 0) / STEP);
    const isBack = done < this.#done;
    if (!isBack && step <= this.#step && now - this.#at < EVERY) return undefined;
    this.#at = now;
    this.#done = done;
    this.#step = step;
    return isBack ? 'back' : 'on';
  }
}
