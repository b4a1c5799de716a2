import { trace } from '../../trace/trace.ts';
import { removeChild } from './child.ts';
import { Claim, removeClaim } from './claim.ts';
import { giveBack, isGivenBack } from './give-back.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { leaveNews } from './news.ts';
import { recordFor } from './record.ts';

/** `removed`: by this call. `changed`: it was not there any more. `busy`: somebody else is at it, or it is held after all. */
export type TakeOver = 'removed' | 'changed' | 'busy';

/** A chain of breakers that each died at the same step; longer ones are left to the next attempt. */
const DEEPEST = 16;

/** Removes a claim that was judged not to be held any more. @throws what `Claim.prepare` throws. */
export function takeOver(lock: PortableLock, dead: FoundClaim, depth = 0): TakeOver {
  return removeByRight(lock, dead, depth, (now) => {
    if (lock.judge(now) === 'held') return false; // its lease was renewed meanwhile
    if (dead.path === lock.place.lock) leaveNews(lock, now);
    return true;
  });
}

/**
 * Removes one's own claim under a lease, of which nobody can be sure that it is not being taken over at this moment: its
 * owner gets the right to remove it as a breaker would.
 */
export function removeOwnLease(lock: PortableLock, own: FoundClaim): TakeOver {
  return removeByRight(lock, own, 0, () => true);
}

/** Removes a claim on a person's word that its owner is gone. @throws what `Claim.prepare` throws. */
export function removeAbandoned(lock: PortableLock, claim: FoundClaim): TakeOver {
  return removeByRight(lock, claim, 0, (now) => {
    if (now.path === lock.place.lock) leaveNews(lock, now);
    return true;
  });
}

/**
 * Removes the claim with token T from its path L by the right to do so. Trace (B and C breakers):
 *  1. B publishes the break claim `break.T` as every claim is published: one breaker at a time owns the right to T.
 *  2. B looks at L again. Anything but T: B stops.
 *  3. B removes L. 4. B removes `break.T`. 5. B starts over, as everybody else.
 * Why no fresh claim is ever removed: a path that carries T is changed by T's owner, who is dead, or by the owner of
 * `break.T`; so between 2 and 3 L carries T. Tokens never recur, so C, who saw T long ago and gets `break.T` after 4,
 * finds something else at 2. B stopped anywhere keeps its right, and others wait for it.
 * B dead before 1: litter. At 2 or 3: T is dead as before, and so is B's break claim, with its own token U: whoever
 * comes removes it first, under `break.U`, by these same steps. At 4: T is gone, and `break.T` is litter that goes the
 * same way. So nobody ever acts on a path whose token he has no right to.
 */
function removeByRight(
  lock: PortableLock,
  target: FoundClaim,
  depth: number,
  mayRemove: (now: FoundClaim) => boolean,
): TakeOver {
  const { request, place, settings } = lock;
  const breakPath = place.breakPath(target.token);
  trace?.(target.path, `has a claim ${target.token} to be removed, which takes the right to it first`);
  if (!isFreeToBreak(lock, breakPath, depth)) return 'busy';
  const right = Claim.prepare(request, place, settings.layout, recordFor(request, 'exclusive', undefined));
  try {
    settings.step('publish-break');
    if (right.publish(breakPath) !== 'published') return 'busy';
    settings.step('look-again');
    const now = look(target.path);
    if (now.kind !== 'claim' || now.token !== target.token) return 'changed';
    if (!mayRemove(now)) return 'busy';
    settings.step('remove-dead');
    removeClaim(now, place);
    trace?.(target.path, `claim ${target.token} is removed`);
    removeChild(lock, target.token);
    return 'removed';
  } finally {
    settings.step('remove-break');
    giveBack(right);
  }
}

/** Whether nobody has the right already; that of a dead breaker is taken over first. */
function isFreeToBreak(lock: PortableLock, breakPath: string, depth: number): boolean {
  const breaker = look(breakPath);
  if (breaker.kind === 'nothing') return true;
  if (breaker.kind !== 'claim' || depth >= DEEPEST) return false;
  if (isGivenBack(breaker.token)) return true; // this process failed to remove it, and has just tried again
  if (lock.judge(breaker) !== 'held') takeOver(lock, breaker, depth + 1);
  return look(breakPath).kind === 'nothing';
}
