import { type Engine, type Grant, type LockRequest, SECOND_LOOK } from '../engine.ts';
import { Contender, loadSyscalls } from './contender.ts';
import { listEntries } from './entry.ts';
import { carriers } from './heirs.ts';
import { inspect } from './inspect.ts';
import { leftovers } from './leftovers.ts';
import { admits } from './nested.ts';
import { aheadOf, isTicket, vacancyBehind } from './queue.ts';
import { slotOf } from './slot.ts';
import { waitSync } from './sync-waiter.ts';
import { untilFree } from './until-free.ts';
import { noteWait, waitsOf } from './wait-note.ts';
import { KernelWaiter } from './waiter.ts';

export { type Exclusion, tryExclusion } from './exclusion.ts';
export { makeInheritedFile } from './inherited-file.ts';

/** flock(2) on POSIX systems, LockFileEx on Windows. */
export const kernelEngine: Engine = {
  contract: 'kernel',

  tryAcquire(request) {
    const system = loadSyscalls(request);
    const isInLine = request.within === undefined && system.exists(slotOf(request.path).nativeQueue);
    if (isInLine && aheadOf(request) !== 'nobody') return undefined;
    return tryNow(request);
  },

  lookPast(request) {
    if (aheadOf(request) !== 'unknown' || !isVacant(request)) return undefined;
    const takeThen = () => (aheadOf(request) === 'awake' ? undefined : tryNow(request));
    return { patience: SECOND_LOOK, takeThen };
  },

  wait: (request, outcome) => new KernelWaiter(request, outcome),
  acquireSync: waitSync,
  isContended: (path) => listEntries(path).some(isTicket),
  inspect,
  carriers,
  admits,
  noteWait,
  waitsOf,
  leftovers,
  untilFree,
};

/** Whether there is what those ahead could have taken. */
function isVacant(request: LockRequest): boolean {
  const contender = new Contender(request);
  try {
    return contender.isFree(vacancyBehind(request));
  } finally {
    contender.close();
  }
}

function tryNow(request: LockRequest): Grant | undefined {
  const contender = new Contender(request);
  const grant = contender.tryOnce();
  if (grant === undefined) contender.close();
  return grant;
}
