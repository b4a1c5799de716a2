import { setImmediate } from 'node:timers/promises';

/** Lets the event loop turn many times: what this thread could do at once is done then. */
export async function someTurns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

/** Whether a promise of this thread's own stays open although the event loop turns many times. */
export async function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  const close = () => {
    open = false;
  };
  promise.then(close, close);
  await someTurns();
  return open;
}
