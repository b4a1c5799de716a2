import { DeadlockError } from '../errors/lock-errors.ts';
import { enclosing, enclosingAll } from './context.ts';
import { isStillHeld } from './deadlock.ts';
import type { Holding } from './holding.ts';
import { heldBy } from './lock.ts';
import type { AcquireOptions } from './options.ts';
import type { OuterHold } from './outer.ts';
import type { HeldElsewhere, Request } from './request.ts';
import { isSameLock } from './same-lock.ts';

/** What the owner of a request holds, as far as is known, but for the shared hold in which it is to share once more. */
export function holdingUnder(
  { holding, detached }: AcquireOptions,
  within: OuterHold | undefined,
): readonly HeldElsewhere[] {
  const around = detached === true ? [] : enclosingAll();
  if (holding === undefined) return around;
  const said = holding.map(heldBy).filter(isStillHeld);
  return [...(within === undefined ? said : said.filter(({ path }) => path !== within.path)), ...around];
}

/** The error of a request for a lock that is among those. */
export function selfDeadlock(request: Request): DeadlockError {
  return new DeadlockError(request, ['the caller says it holds it already'], 'Use the lock it holds');
}

/**
 * The holding around a request that was found busy, where that holds the same lock by another path, such as that of a bind
 * mount. @throws {DeadlockError} the caller says that it holds it so.
 */
export function heldByOtherPath(request: Request): Holding | undefined {
  const held = request.holding.find(({ path }) => path !== request.path && isSameLock(path, request.path));
  if (held === undefined) return undefined;
  const around = request.detached ? undefined : enclosing(held.path);
  if (around === undefined) throw selfDeadlock(request);
  return around;
}
