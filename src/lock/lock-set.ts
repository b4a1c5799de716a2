import { performance } from '../time/time.ts';
import { type Lock, returnUndelivered } from './lock.ts';
import { anyOf } from './on-abort.ts';
import type { AcquireOptions } from './options.ts';
import type { Target } from './resource.ts';

interface Part {
  readonly target: Target;
  readonly options: AcquireOptions;
}

let setOf: (locks: readonly Lock[]) => LockSet;

/** Several locks held together. Released together, in the reverse order. */
export class LockSet {
  /** In the order they were acquired. */
  readonly locks: readonly Lock[];

  static {
    setOf = (locks) => new LockSet(locks);
  }

  private constructor(locks: readonly Lock[]) {
    this.locks = locks;
  }

  /** Aborts when any of the locks is lost. */
  get signal(): AbortSignal {
    return anyOf(this.locks.map((lock) => lock.signal));
  }

  /** @throws {LostError} for the first lock that is not held any more. */
  assertHeld(): void {
    for (const lock of this.locks) lock.assertHeld();
  }

  /** Gives all of them back. Takes effect before it returns; repeated calls do nothing. */
  async release(): Promise<void> {
    for (const lock of [...this.locks].reverse()) void lock.release();
  }

  [Symbol.dispose](): void {
    void this.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** All parts in the given order, or none: what was acquired before a failure is released. */
export async function acquireSet(
  parts: readonly Part[],
  timeout: number,
  acquire: (target: Target, options: AcquireOptions) => Promise<Lock>,
): Promise<LockSet> {
  const locks: Lock[] = [];
  const started = performance.now();
  try {
    for (const { target, options } of parts) {
      // At the last moment too, a call that was willing to wait runs out of time; it did not ask for a mere try.
      const left = timeout === 0 ? 0 : Math.max(1, timeout - (performance.now() - started));
      const holding = [...(options.holding ?? []), ...locks];
      locks.push(await acquire(target, { ...options, timeout: left, holding }));
    }
    return setOf(locks);
  } catch (error) {
    for (const lock of locks.reverse()) returnUndelivered(lock);
    throw error;
  }
}
