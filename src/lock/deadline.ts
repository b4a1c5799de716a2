import { clearTimeout, performance, setTimeout } from '../time/time.ts';

const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Calls back after `ms` milliseconds of monotonic time, however long that is; returns a function that calls it off.
 * A `background` timer does not keep the process alive.
 */
export function after(ms: number, callback: () => void, keep: 'alive' | 'background'): () => void {
  if (ms === Number.POSITIVE_INFINITY) return () => {};
  const due = performance.now() + ms;
  let timer: NodeJS.Timeout;

  function arm(): void {
    const left = due - performance.now();
    timer = setTimeout(
      () => (due > performance.now() + 1 ? arm() : callback()),
      Math.min(left, LONGEST_TIMER),
    );
    if (keep === 'background') timer.unref();
  }

  arm();
  return () => clearTimeout(timer);
}
