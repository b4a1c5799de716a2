import type { LockRequest, Waiting, WaitOutcome } from '../engine.ts';
import { Contender } from './contender.ts';
import { wake } from './wake/index.ts';

/** After a hint, in milliseconds: a close is announced some microseconds before the kernel drops the lock. */
const RETRIES_AFTER_HINT = [0, 0, 0, 1, 4, 16];

const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * One wait for a kernel lock: watch, try, sleep until a hint or the backstop, try again. Nothing here blocks.
 *
 * No wake-up is lost (trace; W waiter, H holder):
 *  1. W opens the file and sets its watch. 2. W tries. 3. W sleeps.
 *  H releases before 2: W gets the lock at 2. After 2: the watch was there, so the hint arrives during 3.
 *  H unlocks without closing (a foreign program), or the hint is lost: the backstop timer tries again.
 *  The file is replaced during 3: the try at the hint, or at the backstop, sees it and opens the new one; the watch
 *  then moves over before the next try.
 */
export class KernelWaiter implements Waiting {
  readonly #contender: Contender;
  readonly #request: LockRequest;
  readonly #outcome: WaitOutcome;
  #watched = -1;
  #stopWatch: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #retries = RETRIES_AFTER_HINT.length;
  #told = false;
  #done = false;

  constructor(request: LockRequest, outcome: WaitOutcome) {
    this.#contender = new Contender(request);
    this.#request = request;
    this.#outcome = outcome;
    this.#immediate = setImmediate(() => this.#attempt());
  }

  poke(): void {
    this.#retries = 0;
    this.#attempt();
  }

  cancel(): void {
    this.#finish();
    this.#contender.close();
  }

  #attempt(): void {
    if (this.#done) return;
    this.#calm();
    try {
      const grant = this.#contender.tryOnce();
      if (grant !== undefined) {
        this.#finish();
        this.#outcome.granted(grant);
      } else if (this.#contender.generation !== this.#watched) {
        this.#rewatch();
        this.#attempt(); // what changed before the watch was set raised no hint
      } else {
        this.#sleep();
      }
    } catch (error) {
      this.cancel();
      this.#outcome.failed(error);
    }
  }

  #calm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  #rewatch(): void {
    this.#stopWatch();
    this.#watched = this.#contender.generation;
    this.#stopWatch = wake().watch(this.#contender.descriptor, this.#request.path, () => this.poke());
  }

  #sleep(): void {
    const { degraded, backstop } = wake();
    if (degraded !== undefined && !this.#told) {
      this.#told = true;
      this.#outcome.degraded({ ...degraded, path: this.#request.path });
    }
    const pause = RETRIES_AFTER_HINT[this.#retries++] ?? this.#request.pollInterval ?? backstop;
    if (pause === 0) this.#immediate = setImmediate(() => this.#attempt());
    else this.#timer = setTimeout(() => this.#attempt(), Math.min(pause, LONGEST_TIMER));
  }

  #finish(): void {
    this.#done = true;
    this.#calm();
    this.#stopWatch();
    this.#stopWatch = () => {};
  }
}
