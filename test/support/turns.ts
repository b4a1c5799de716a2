import { setImmediate } from 'node:timers/promises';
import { passTime } from './time.mjs';

/** Long enough for a waiter of either engine to look twice by timer, and once more if it saw the lock free. */
export const LONG = 1_000;

/** Lets the event loop turn many times: what this thread could do at once is done then. */
export async function someTurns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

/** Whether a promise of this thread's own stays open although a long time passes for all that waits here by timer. */
export function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  return isOpenAfter(promise, () => passTime(LONG));
}

/** The same when no time passes, for tests that fake the timers and let their time pass themselves. */
export function isOpenNow(promise: Promise<unknown>): Promise<boolean> {
  return isOpenAfter(promise, someTurns);
}

async function isOpenAfter(promise: Promise<unknown>, something: () => Promise<void>): Promise<boolean> {
  let open = true;
  const close = () => {
    open = false;
  };
  promise.then(close, close);
  await something();
  return open;
}
