import { setImmediate } from 'node:timers/promises';
import { passTime } from './time.mjs';

/** Long enough for a waiter of either engine to look twice by timer, and once more if it saw the lock free. */
export const LONG = 1_000;

/** Lets the event loop turn many times: what this thread could do at once is done then. */
export async function someTurns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

/** Whether a promise of this thread's own stays open although a long time passes for all that waits here by timer. */
export async function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  const close = () => {
    open = false;
  };
  promise.then(close, close);
  await passTime(LONG);
  return open;
}
