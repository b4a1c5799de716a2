// Time as Node.js has it, kept from the moment this module is first imported. The tests of a user's program may fake the
// clocks and timers of the process after that; what Holdfast waits for is done by other processes, in real time. So this
// file alone names them: biome.json and scripts/check-tree.mjs refuse it to the rest of src.
import { setTimeout as pauseOfNode } from 'node:timers/promises';

export const {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  queueMicrotask,
} = globalThis;

/** Resolves after so many milliseconds. */
export const pause = pauseOfNode;

const { performance: clock } = globalThis;

/** The monotonic clock of this process, in milliseconds. */
export const performance = { now: clock.now.bind(clock) } as const;

/** The monotonic clock of the machine, in nanoseconds. */
export const hrtime = process.hrtime.bigint;

const { now } = globalThis.Date;

/** Milliseconds from the epoch to the last time that a date can say. */
export const LAST_TIME = 8.64e15;

/** The wall clock, and the calendar. A number beyond either end of the calendar is that end. */
export class Date extends globalThis.Date {
  static override readonly now = now;

  constructor(time: number | string = now()) {
    super(typeof time === 'number' ? Math.max(-LAST_TIME, Math.min(time, LAST_TIME)) : time);
  }
}
