// The time of this thread's timers, which a test can let pass. Plain JavaScript: the child programs of tests use it, too.
import { setImmediate } from 'node:timers/promises';

/** @typedef {{ due: number, readonly real: number, readonly fire: () => void }} Timer */

const LONGEST_TIMER = 2 ** 31 - 1;
/** @type {Map<unknown, Timer>} */
const timers = new Map();
/** What time it is for timers that are set while time is made to pass. @type {number | undefined} */
let clock;

const set = globalThis.setTimeout;
const clear = globalThis.clearTimeout;

/** @param {(...args: unknown[]) => void} callback @param {number} [ms] @param {...unknown} args */
function setTimeout(callback, ms = 1, ...args) {
  const fire = () => {
    timers.delete(handle);
    callback(...args);
  };
  const handle = set(fire, ms);
  const delay = ms >= 1 && ms <= LONGEST_TIMER ? ms : 1; // as Node.js has it
  const now = performance.now();
  timers.set(handle, { due: (clock ?? now) + delay, real: now + delay, fire });
  return handle;
}

/** @param {NodeJS.Timeout | undefined} handle */
function clearTimeout(handle) {
  timers.delete(handle);
  clear(handle);
}

Object.assign(globalThis, { setTimeout: Object.assign(setTimeout, set), clearTimeout });

/**
 * Makes every timer of this thread that is due within so many milliseconds fire now, in their order, those too that are
 * set by others meanwhile: what looks by timer looks as often as it would in that time. Clocks stay as they are, so what
 * asks one whether its time is over waits on; and events from outside come as ever.
 *
 * @param {number} ms
 */
export async function passTime(ms) {
  if (clock !== undefined) throw new Error('Time is being made to pass already: one after the other');
  clock = performance.now();
  const end = clock + ms;
  try {
    for (;;) {
      await setImmediate();
      await setImmediate(); // so that everything that a timer set off, and what came from outside, is done
      const [next] = [...timers].filter(([, { due }]) => due <= end).sort(([, a], [, b]) => a.due - b.due);
      if (next === undefined) return;
      const [handle, { due, fire }] = next;
      clock = Math.max(clock, due);
      clear(/** @type {NodeJS.Timeout} */ (handle));
      fire();
    }
  } finally {
    clock = undefined;
    for (const timer of timers.values()) timer.due = timer.real;
  }
}
