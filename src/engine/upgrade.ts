import { DeadlockError } from '../errors/lock-errors.ts';
import type { LockRequest } from './engine.ts';

/** Two who share a lock and both want it to themselves wait for each other for ever, so the younger one fails. */
export function rivalUpgrade(request: LockRequest, olderPid: number | undefined): DeadlockError {
  const who = olderPid === undefined ? 'another process' : `process ${olderPid}`;
  const cycle = [
    `${who} shares the lock and waits to be alone with it`,
    'this one shares it and would wait for the same',
  ];
  return new DeadlockError(
    request,
    cycle,
    'This one was ended and still shares the lock; release it and start over',
  );
}
