import type { Cache } from '../../cache/cache.ts';
import type { Flight } from '../../cache/entry.ts';
import { bytes, duration, printable } from '../../errors/describe.ts';
import { performance } from '../../time/time.ts';
import { Meter, percentOf } from './meter.ts';
import type { Job } from './options.ts';

/** Milliseconds between two looks at how far somebody else is. */
const LOOK_EVERY = 500;

/** One address while it is fetched, by this process or by the one it waits for. */
export class Task {
  readonly job: Job;
  readonly meter = new Meter();
  readonly started = performance.now();
  readonly #cache: Cache;
  #flight: Flight | undefined;
  #lock: string | undefined;
  #looked = Number.NEGATIVE_INFINITY;
  #isWaiting = false;

  constructor(job: Job, cache: Cache) {
    this.job = job;
    this.#cache = cache;
  }

  set isWaiting(value: boolean) {
    this.#isWaiting = value;
    this.#looked = Number.NEGATIVE_INFINITY;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Of the lock that whoever fetches it holds. */
  get lock(): string | undefined {
    this.#lock ??= this.flight?.lock;
    return this.#lock;
  }

  /** Who makes it, as it was seen in the last half second. */
  get flight(): Flight | undefined {
    const now = performance.now();
    if (now - this.#looked < LOOK_EVERY) return this.#flight;
    this.#looked = now;
    try {
      this.#flight = this.#cache.flight(this.job.key);
    } catch {
      this.#flight = undefined; // there is nothing to be seen
    }
    return this.#flight;
  }

  /** Bytes, of this process's own download or of the one that it waits for. */
  get extent(): { readonly done: number; readonly total?: number | undefined } | undefined {
    if (this.isWaiting) return this.flight?.partial;
    const { done, total } = this.meter;
    return done === 0 && total === undefined ? undefined : { done, total };
  }

  get percent(): number | undefined {
    const { done = 0, total } = this.extent ?? {};
    return percentOf(done, total);
  }

  /** `42 %`, where there is no total `12.3 MB`, and before anything is known nothing. */
  get progress(): string {
    const { percent, extent } = this;
    return percent !== undefined ? `${percent} %` : extent === undefined ? '' : bytes(extent.done);
  }

  /** `waiting for pid 4711, 42 %` */
  get wait(): string {
    const { progress } = this;
    return `waiting for ${this.holder}${progress === '' ? '' : `, ${progress}`}`;
  }

  get holder(): string {
    const [holder] = this.flight?.holders ?? [];
    return holder?.pid === undefined || holder.pid === process.pid ? 'another process' : `pid ${holder.pid}`;
  }

  /** `3.1 MB/s, 6.0s left`, as far as it is known. */
  get pace(): readonly string[] {
    if (this.isWaiting) return [];
    const rate = this.meter.rate();
    const left = this.meter.left();
    return [
      ...(rate === undefined ? [] : [`${bytes(Math.round(rate))}/s`]),
      ...(left === undefined ? [] : [`${duration(left)} left`]),
    ];
  }

  get name(): string {
    return printable(this.job.shown);
  }
}
