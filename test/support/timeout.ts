import { onLockEvent } from '../../src/events/channel.ts';
import type { LockManager } from '../../src/lock/manager.ts';

/** The timeout, in milliseconds, that a manager asks with. */
export async function timeoutOf(
  locks: LockManager,
  options: { readonly timeout?: number } = {},
): Promise<number> {
  let timeout = Number.NaN;
  const stop = onLockEvent('requested', (event) => {
    timeout = event.timeout;
  });
  await locks.with('mirror', options, () => {});
  stop();
  return timeout;
}
