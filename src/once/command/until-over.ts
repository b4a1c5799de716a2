import { anyOf } from '../../lock/on-abort.ts';
import { clearInterval, setInterval } from '../../time/time.ts';
import type { CurrentRun } from '../current.ts';
import { watchOrNothing } from './follow.ts';
import type { RunKey } from './run-key.ts';

/** For what no event tells of, such as a run on another machine. Milliseconds. */
const LOOK_EVERY = 1_000;

/**
 * Resolves when a run is over: its lock is free, or has passed to another run, or its outcome is on record. Without an `id`,
 * when a run has begun, or the lock is free.
 */
export async function untilOver(
  { place, store }: RunKey,
  { id }: { readonly id: CurrentRun['id'] | undefined },
  signal: AbortSignal | undefined,
): Promise<void> {
  const leave = new AbortController();
  const signals = [leave.signal, ...(signal === undefined ? [] : [signal])];
  const free = place.locks.untilFree({ name: place.lock }, { signal: anyOf(signals) });
  let look = () => {};
  const passed = new Promise<void>((resolve) => {
    look = () => {
      try {
        if (store.current()?.id !== id) resolve();
      } catch {
        resolve(); // whoever looks next learns what cannot be read
      }
    };
  });
  const watcher = watchOrNothing(store.directory, look);
  const timer = setInterval(look, LOOK_EVERY);
  look();
  try {
    await Promise.race([free, passed]);
  } finally {
    free.catch(() => {});
    leave.abort();
    clearInterval(timer);
    watcher?.close();
  }
}
