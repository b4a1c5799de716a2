import { performance } from '../../time/time.ts';

/** Milliseconds that a rate is of. */
const WINDOW = 5000;
/** A rate of less is no more than the first chunk, and samples need not be closer. */
const SHORTEST = 500;

const SAMPLING = 100;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** How far something is, how fast, and how long it will take. */
export class Meter {
  done = 0;
  total: number | undefined;
  #samples: Sample[] = [];

  /** Bytes that are there. Fewer than before: it started over, and nothing that was measured counts. */
  update(done: number, total: number | undefined, at = performance.now()): void {
    if (done < this.done) this.#samples = [];
    this.done = done;
    this.total = total;
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < SAMPLING) return;
    this.#samples.push({ at, done });
    while (this.#samples.length > 2 && at - (this.#samples[1] as Sample).at > WINDOW) this.#samples.shift();
  }

  /** Whole percents, rounded down: 100 is the end. Undefined without a total. */
  get percent(): number | undefined {
    return percentOf(this.done, this.total);
  }

  /** Bytes a second, over the last seconds; of what was there before nothing counts. */
  rate(now = performance.now()): number | undefined {
    const [first] = this.#samples;
    if (first === undefined || now - first.at < SHORTEST) return undefined;
    return ((this.done - first.done) * 1000) / (now - first.at);
  }

  /** Milliseconds. */
  left(now = performance.now()): number | undefined {
    const rate = this.rate(now);
    if (rate === undefined || rate <= 0 || this.total === undefined || this.done >= this.total)
      return undefined;
    return ((this.total - this.done) * 1000) / rate;
  }
}

export function percentOf(done: number, total: number | undefined): number | undefined {
  return total === undefined || total <= 0 ? undefined : Math.floor(Math.min(1, done / total) * 100);
}
