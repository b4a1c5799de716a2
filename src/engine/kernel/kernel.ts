import type { Engine, Grant, LockRequest } from '../engine.ts';
import { Contender, loadSyscalls } from './contender.ts';
import { listEntries } from './entry.ts';
import { inspect } from './inspect.ts';
import { leftovers } from './leftovers.ts';
import { aheadOf, isTicket } from './queue.ts';
import { slotOf } from './slot.ts';
import { waitSync } from './sync-waiter.ts';
import { untilFree } from './until-free.ts';
import { noteWait, waitsOf } from './wait-note.ts';
import { KernelWaiter } from './waiter.ts';

export { type Exclusion, tryExclusion } from './exclusion.ts';

/** flock(2) on POSIX systems, LockFileEx on Windows. */
export const kernelEngine: Engine = {
  contract: 'kernel',

  tryAcquire(request) {
    const system = loadSyscalls(request);
    if (system.exists(slotOf(request.path).nativeQueue) && aheadOf(request) !== 'nobody') return undefined;
    return tryNow(request);
  },

  lookPast(request) {
    if (aheadOf(request) !== 'unknown' || inspect(request.path).state !== 'free') return undefined;
    return () => (aheadOf(request) === 'awake' ? undefined : tryNow(request));
  },

  wait: (request, outcome) => new KernelWaiter(request, outcome),
  acquireSync: waitSync,
  isContended: (path) => listEntries(path).some(isTicket),
  inspect,
  noteWait,
  waitsOf,
  leftovers,
  untilFree,
};

function tryNow(request: LockRequest): Grant | undefined {
  const contender = new Contender(request);
  const grant = contender.tryOnce();
  if (grant === undefined) contender.close();
  return grant;
}
