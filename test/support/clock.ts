import { onTestFinished } from 'vitest';
import { passTime } from './time.mjs';

const clockOfThread = performance.now;

/** The monotonic clock of this thread stands still until the test is over, but for what it is advanced by. */
export class StoppedClock {
  #now = Math.ceil(performance.now());

  constructor() {
    Object.assign(performance, { now: () => this.#now });
    onTestFinished(() => this.resume());
  }

  /** Milliseconds. */
  advance(ms: number): void {
    this.#now += ms;
  }

  /** Lets so much time pass for all of this thread: the clock goes forward, and timers fire. */
  async elapse(ms: number): Promise<void> {
    this.advance(ms);
    await passTime(ms);
  }

  /** A thread that blocks itself for a time is not blocked until the test is over: the clock goes forward instead. */
  passInSleep(): void {
    const wait = Atomics.wait;
    const sleep = (...[words, index, value, ms]: Parameters<typeof wait>): ReturnType<typeof wait> => {
      if (ms === undefined || ms === Number.POSITIVE_INFINITY) return wait(words, index, value, ms);
      this.advance(ms);
      return 'timed-out';
    };
    Object.assign(Atomics, { wait: sleep });
    onTestFinished(() => void Object.assign(Atomics, { wait }));
  }

  /** It tells the time again. */
  resume(): void {
    Object.assign(performance, { now: clockOfThread });
  }
}
