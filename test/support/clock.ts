import { onTestFinished } from 'vitest';

/** The monotonic clock of this thread stands still until the test is over, but for what it is advanced by. */
export class StoppedClock {
  #now = Math.ceil(performance.now());

  constructor() {
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.#now });
    onTestFinished(() => this.resume());
  }

  /** Milliseconds. */
  advance(ms: number): void {
    this.#now += ms;
  }

  /** It tells the time again. */
  resume(): void {
    Reflect.deleteProperty(performance, 'now');
  }
}
