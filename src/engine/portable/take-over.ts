import { dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { RefusedError } from '../../errors/lock-errors.ts';
import { STICKY } from '../../storage/fs/rights.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import { trace } from '../../trace/trace.ts';
import { removeChild } from './child.ts';
import { Claim, removeClaim } from './claim.ts';
import { isCopy } from './copy.ts';
import { giveBack, isGivenBack } from './give-back.ts';
import type { PortableLock } from './lock.ts';
import { digest, type FoundClaim, look } from './look.ts';
import { leaveNews, unmarkGranted } from './news.ts';
import type { Place } from './place.ts';
import { recordFor } from './record.ts';
import { isStoppedReader } from './verdict.ts';

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
 * Removes the gate of a reader that is stopped there. It holds nothing by it, and finds out when it goes on, so no proof is
 * needed for safety: see `publishReader`. @throws what `Claim.prepare` throws.
 */
export function passStoppedReader(lock: PortableLock, reader: FoundClaim): TakeOver {
  try {
    return removeByRight(lock, reader, 0, isStoppedReader, (now) => void removeClaim(now, lock.place));
  } catch (error) {
    if (REFUSALS.includes(systemCode(error) ?? '')) return 'busy'; // another user's, in a directory with the sticky bit
    throw error;
  }
}

/** Removes the claim of this process where `removeOwn` cannot make links. @throws what `Claim.prepare` throws. */
export function removeAsOwner(lock: PortableLock, own: FoundClaim): TakeOver {
  return removeByRight(lock, own, 0, () => true);
}

/**
 * Puts something else in the place of one's own claim, by one call of `replace`; others may be about to remove the claim on
 * a person's word. Says whether it did.
 */
export function replaceOwn(lock: PortableLock, own: FoundClaim, replace: () => void): boolean {
  return removeByRight(lock, own, 0, () => true, replace) === 'removed';
}

/** Removes a claim on a person's word that its owner is gone. @throws what `Claim.prepare` throws. */
export function removeAbandoned(lock: PortableLock, claim: FoundClaim): TakeOver {
  return removeByRight(lock, claim, 0, (now) => {
    if (now.path === lock.place.lock) leaveNews(lock, now);
    return true;
  });
}

/**
 * Removes what nobody holds a lock by, for a person who asked for that: what `takeOver` removes, and copies of claims, which
 * nobody takes over by himself. A copy's data was copied while somebody was at work on it, so its next holder hears the
 * news of one that died.
 *
 * Why nobody is robbed of a lock by it (trace; H made claim T at path L, a copy of T stands at path M, B removes that):
 *  1. M is not L: H never looks at M, and gives nothing back there. B's right to T lies beside M, another one beside L.
 *  2. M is L: somebody moved H's claim away and put the copy in its place. H has lost the lock from then on, whether B comes
 *     or not: what H finds at L is not what H made (see `Claim.isIntact`). So H learns of it by its next check, as after any
 *     removal.
 *  3. A right to T that stands beside M was copied too, or it is that of a living B'. The copied one is removed first, by
 *     the right to it; B' is waited for.
 *  B dead anywhere: as in `removeByRight`. B's own right is no copy, so whoever comes next takes it over.
 *
 * @throws what `Claim.prepare` throws.
 */
export function cleanUp(lock: PortableLock, claim: FoundClaim, depth = 0): TakeOver {
  const right = look(rightTo(lock.place, claim));
  if (right.kind === 'claim' && isCopy(right) && depth < DEEPEST) cleanUp(lock, right, depth + 1);
  if (!isCopy(claim)) return takeOver(lock, claim, depth);
  return removeByRight(lock, claim, depth, (now) => {
    if (!isCopy(now)) return false; // its owner's own claim was moved back
    if (now.path === lock.place.lock) leaveNews(lock, now);
    return true;
  });
}

/**
 * Removes the claim with token T from its path L by the right to do so. Trace (B and C breakers):
 *  1. B publishes the break claim `break.T` as every claim is published: one breaker at a time owns the right to T.
 *  2. B looks at L again. Anything but T: B stops.
 *  3. B removes L. 4. B removes `break.T`. 5. B starts over, as everybody else.
 * Why no fresh claim is ever removed: a path that carries T is changed by the owner of `break.T` alone, T's own owner
 * included (see `removeOwn`); so between 2 and 3 L carries T. Tokens never recur, so C, who saw T long ago and gets
 * `break.T` after 4, finds something else at 2. B stopped anywhere keeps its right, and others wait for it.
 * B dead before 1: litter. At 2 or 3: T is dead as before, and so is B's break claim, with its own token U: whoever
 * comes removes it first, under `break.U`, by these same steps. At 4: T is gone, and `break.T` is litter that goes the
 * same way. So nobody ever acts on a path whose token he has no right to, but for B at 4, whose break claim nobody breaks
 * while B lives.
 */
function removeByRight(
  lock: PortableLock,
  target: FoundClaim,
  depth: number,
  mayRemove: (now: FoundClaim) => boolean,
  remove: (now: FoundClaim) => void = (now) => removeDead(lock, now),
): TakeOver {
  const { request, place, settings } = lock;
  const breakPath = rightTo(place, target);
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
    remove(now);
    trace?.(target.path, `claim ${target.token} is removed`);
    removeChild(lock, target.token);
    if (now.path === place.lock) unmarkGranted(lock, target.token);
    return 'removed';
  } finally {
    settings.step('remove-break');
    giveBack(right.token, () => right.remove());
  }
}

/**
 * The path of the right to remove a claim. What an owner links to the break path of its own claim carries the same token as
 * that claim, so the right to remove that one is named after a digest of it.
 */
function rightTo(place: Place, { path, token }: FoundClaim): string {
  const right = place.breakPath(token);
  return path === right ? place.breakPath(digest(token)) : right;
}

/** Removes the right of a breaker that died, so that the next one can go on. */
export function clearDeadBreaker(lock: PortableLock, target: FoundClaim): void {
  isFreeToBreak(lock, rightTo(lock.place, target), 0);
}

/** @throws {RefusedError} the directory lets nobody remove it but some, whom it names. @throws the system's error. */
function removeDead({ request, place }: PortableLock, dead: FoundClaim): void {
  try {
    removeClaim(dead, place);
  } catch (error) {
    const code = systemCode(error) ?? '';
    const why = REFUSALS.includes(code) ? keptBy(dead) : undefined;
    throw why === undefined ? error : new RefusedError({ ...request, path: dead.path }, why);
  }
}

const REFUSALS = ['EPERM', 'EACCES'];

/** Who alone can remove a claim, where that is because of the sticky bit, in words. */
function keptBy({ path, uid }: FoundClaim): string | undefined {
  const directory = statOrNothing(dirname(path));
  if (directory === undefined || (directory.mode & STICKY) === 0) return undefined;
  const owner = directory.uid === uid || directory.uid === 0 ? '' : `, user id ${directory.uid}`;
  return (
    `is the claim of a dead process of user id ${uid}, in a directory with the sticky bit: only user id ${uid}${owner} ` +
    'or root can remove it, by taking this lock or with holdfast clean'
  );
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
