// The time of this thread, which a test can let pass. Plain JavaScript: the child programs of tests use it, too.
//
// Holdfast keeps the timers and clocks that it finds when it is imported (src/time/time.ts), so this comes first:
// test/setup/time.ts sees to it in tests, and the child programs import it on top.
//
// They stay replaced for the life of the thread: pure test files share their modules, so a later file that imports
// this gets the same module, already run. To whoever lets no time pass, they are those of Node.js, with a note of each.
import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

/** @typedef {{ due: number, real: number, readonly fire: () => void }} Timer */

const LONGEST_TIMER = 2 ** 31 - 1;
/** @type {Map<unknown, Timer>} */
const timers = new Map();
/** What time it is for timers that are set while time is made to pass. @type {number | undefined} */
let clock;

const now = performance.now.bind(performance); // tests stop that clock
const wallClock = Date.now;
const ofNode = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clear: globalThis.clearTimeout, // which clears intervals, too
  pause: promises.setTimeout,
  turn: promises.setImmediate,
};

/** @param {number} ms */
const delayOf = (ms) => (ms >= 1 && ms <= LONGEST_TIMER ? ms : 1); // as Node.js has it

/** @param {unknown} key @param {number} delay @param {() => void} fire */
function note(key, delay, fire) {
  const timer = { due: (clock ?? now()) + delay, real: now() + delay, fire };
  timers.set(key, timer);
  return timer;
}

/** @param {(...args: unknown[]) => void} callback @param {number} [ms] @param {...unknown} args */
function setTimeout(callback, ms = 1, ...args) {
  const handle = ofNode.setTimeout(() => {
    timers.delete(handle); // and no more, for the callback may have it run again (`refresh`)
    callback(...args);
  }, ms);
  note(handle, delayOf(ms), () => {
    clear(handle);
    callback(...args);
  });
  return handle;
}

/** @param {(...args: unknown[]) => void} callback @param {number} [ms] @param {...unknown} args */
function setInterval(callback, ms = 1, ...args) {
  const delay = delayOf(ms);
  const handle = ofNode.setInterval(() => {
    timer.real = now() + delay;
    timer.due = (clock ?? now()) + delay;
    callback(...args);
  }, ms);
  const timer = note(handle, delay, () => {
    timer.due += delay;
    callback(...args);
  });
  return handle;
}

/** @param {NodeJS.Timeout | undefined} handle */
function clear(handle) {
  timers.delete(handle);
  ofNode.clear(handle);
}

/**
 * The `setTimeout` of node:timers/promises.
 *
 * @template T @param {number} [ms] @param {T} [value] @param {import('node:timers').TimerOptions} [options]
 * @returns {Promise<T>}
 */
function pause(ms = 1, value, options = {}) {
  const early = new AbortController();
  const signal = AbortSignal.any([early.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  return new Promise((resolve, reject) => {
    note(early, delayOf(ms), () => {
      timers.delete(early);
      resolve(/** @type {T} */ (value));
      early.abort();
    });
    const inTime = ofNode.pause(ms, /** @type {T} */ (value), { ...options, signal });
    inTime.then(resolve, reject).finally(() => timers.delete(early));
  });
}

/**
 * A function for Holdfast to keep. A test that fakes a timer or a clock of this thread means Holdfast's too: while another
 * function stands in its place, it calls that one.
 *
 * @template {(...args: any[]) => any} F @param {() => object} owner @param {string} name @param {F} own @returns {F}
 */
function following(owner, name, own) {
  let called = false; // a spy calls what it stands for
  /** @param {any[]} args */
  const follower = (...args) => {
    const present = Reflect.get(owner(), name);
    if (called || present === follower) return own(...args);
    called = true;
    try {
      return Reflect.apply(present, owner(), args);
    } finally {
      called = false;
    }
  };
  return /** @type {F} */ (follower);
}

const thread = () => globalThis;
const replaced = {
  setTimeout: Object.assign(following(thread, 'setTimeout', setTimeout), ofNode.setTimeout),
  setInterval: following(thread, 'setInterval', setInterval),
  clearTimeout: following(thread, 'clearTimeout', clear),
  clearInterval: following(thread, 'clearInterval', clear),
};
Object.assign(globalThis, replaced, { queueMicrotask: following(thread, 'queueMicrotask', queueMicrotask) });
Object.assign(promises, { setTimeout: pause });
syncBuiltinESMExports();

let ahead = 0;
Object.assign(Date, { now: following(() => Date, 'now', wallClock) });
Object.defineProperty(performance, 'now', {
  configurable: true,
  writable: true,
  value: following(
    () => performance,
    'now',
    () => now() + ahead,
  ),
});

/** Settles when what was asked of `passTime` so far is done. @type {Promise<void>} */
let passing = Promise.resolve();

/**
 * Puts the monotonic clock of this thread forward by so many milliseconds, for good; no timer notices. With `passTime`
 * after it, what waits for its time to be over finds that it is.
 *
 * @param {number} ms
 */
export function advanceClock(ms) {
  ahead += ms;
}

/**
 * Makes every timer of this thread that is due within so many milliseconds fire now, in their order, those too that are
 * set by others meanwhile: what looks by timer looks as often as it would in that time. Clocks stay as they are, so what
 * asks one whether its time is over waits on; and events from outside come as ever.
 *
 * Whoever asks meanwhile has their time pass afterwards. Timers are those of the global functions, and the `setTimeout` of
 * node:timers/promises. @throws when they are faked.
 *
 * @param {number} ms
 */
export function passTime(ms) {
  const turn = passing.then(() => pass(ms));
  passing = turn.catch(() => {});
  return turn;
}

/** @param {number} ms */
async function pass(ms) {
  assertSeen();
  clock = now();
  const end = clock + ms;
  try {
    for (;;) {
      await ofNode.turn();
      await ofNode.turn(); // so that everything that a timer set off, and what came from outside, is done
      const [next] = [...timers.values()].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (next === undefined) return;
      clock = Math.max(clock, next.due);
      next.fire();
    }
  } finally {
    clock = undefined;
    for (const timer of timers.values()) timer.due = timer.real;
  }
}

function assertSeen() {
  const others = Object.entries(replaced)
    .filter(([name, own]) => Reflect.get(globalThis, name) !== own)
    .map(([name]) => name);
  if (promises.setTimeout !== pause) others.push('setTimeout of node:timers/promises');
  if (others.length === 0) return;
  throw new Error(
    `passTime does not see the timers of this test, for others took their place: ${others.join(', ')}. ` +
      'Where a test fakes timers (vi.useFakeTimers), let their time pass by vi.advanceTimersByTime.',
  );
}
