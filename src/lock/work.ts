import { sleepSync } from '../storage/fs/sleep-sync.ts';
import { pause } from '../time/time.ts';
import type { Lock } from './lock.ts';
import { unlessAborted } from './on-abort.ts';

/** The lock that work is done under. Its signal is asked for only where it is needed, for it takes a watch. */
type Held = Pick<Lock, 'signal'>;

/**
 * One part of a piece of work that takes its time: it can be done on this thread, or beside it; and on this thread once more
 * when the process exits while it is done beside it.
 */
interface Step {
  readonly now: () => unknown;
  readonly later: (lock?: Held) => Promise<unknown>;
}

/**
 * A piece of work that is written once and done in either way: by `run`, which leaves the thread free meanwhile, or by
 * `finish`, which does it before it returns, for a process that is about to exit.
 */
export type Work<T> = Generator<Step, T, unknown>;

export function* step<T>(now: () => T, later: (lock?: Held) => Promise<T>): Work<T> {
  return (yield { now, later }) as T;
}

/**
 * What code of others has promised, waited for no longer than the lock is held, and not at all where there is no time to.
 * `bounded`: may end the wait before.
 */
export function awaited<T>(
  promise: PromiseLike<T>,
  what: string,
  bounded = (waiting: Promise<T>) => waiting,
): Work<T> {
  return step(
    () => {
      promise.then(undefined, () => {}); // nobody is left to be told
      throw new TypeError(`${what} is asynchronous, and there is no time left for it`);
    },
    (lock) => bounded(unlessAborted(promise, lock?.signal)),
  );
}

/** What takes no time. */
// biome-ignore lint/correctness/useYield: it takes none
export function* now<T>(body: () => T): Work<T> {
  return body();
}

/** Waits so many milliseconds. */
export function pausing(ms: number): Work<void> {
  return step(
    () => sleepSync(ms),
    () => pause(ms),
  );
}

/** Where `run` is. */
export interface Progress {
  /** What is done beside this thread now; undefined while the code of the work runs. */
  step?: Step | undefined;
}

export async function run<T>(work: Work<T>, lock?: Held, progress: Progress = {}): Promise<T> {
  let next = work.next();
  while (next.done !== true) {
    progress.step = next.value;
    try {
      const value = await next.value.later(lock);
      progress.step = undefined;
      next = work.next(value);
    } catch (error) {
      progress.step = undefined;
      next = work.throw(error);
    }
  }
  return next.value;
}

/** `begun`: the step that `run` is at, and stays at. */
export function finish<T>(work: Work<T>, begun?: Step): T {
  let next: IteratorResult<Step, T> = begun === undefined ? work.next() : { value: begun };
  while (next.done !== true) {
    const { now } = next.value;
    try {
      const value = now();
      next = work.next(value);
    } catch (error) {
      next = work.throw(error);
    }
  }
  return next.value;
}
