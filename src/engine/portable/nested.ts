import type { HolderRecord } from '../../identity/holder.ts';
import { isThere } from '../../storage/fs/stat.ts';
import type { LockRequest, Outer } from '../engine.ts';
import { nestedPath } from '../nested.ts';
import { failure } from './failure.ts';
import { look } from './look.ts';
import { isPermitOf, isSlot } from './permits.ts';
import { Place } from './place.ts';
import { listReaders } from './readers.ts';

/**
 * Commands that run under an exclusive claim take the nested lock of its path (`nestedPath`), and keep the lock by that
 * when the claim is gone.
 *
 * Trace (O the outer holder, N a nested one, W whoever comes next; L the lock path, D the nested lock):
 *  N  a. takes D. b. It looks at L: O's claim stands there, so N holds the lock with O. Anything else: it gives D back.
 *  W  i. publishes its claim at L, which it can only once O's is gone. ii. It looks for D, and gets past it in its own mode,
 *     or it gives L back, and comes again later.
 *  N was past b before O's claim was gone: then D was taken before i, and W meets it at ii. Later: N does not find O's claim.
 *  O is killed: its claim stands until W takes it over, and N may come until then. N is killed: D is taken over by W at ii.
 *  M is nested in N as N is in O, at the nested lock of D, and outlives both: W goes through ii at every level, from the
 *  outermost inwards. Where N's claim is gone from D when W looks, M had its own before that, and W meets it further in.
 *  W is killed after i: its claim is taken over by the next one, who comes to ii in its turn.
 *
 * A permit: its slot, S, stands for L, O's claim is among the readers, and D is the nested lock that is named after S. To
 * keep writers out, N leaves a reader claim of its own as well, between a and b.
 *  N  b. looks at S: O's claim stands there. Nested once more: at D, and at the reader claim, of the one around it.
 *  W  i. has the gate, and sees nobody's claim at S, where only who has the gate puts one. ii. It looks at D, and at all that
 *     is nested in that, and takes over what the dead left there. Whatever is held: S is taken. Else it puts its claim at S.
 *  N was past b before W's i: then D was taken before ii. Later: N does not find O's claim. In between: there is no O any more.
 *  A writer: N's reader claim was there before N saw O's in the same directory, so it meets either of them; see `joinReader`.
 */
export function admits(path: string, outer: Outer): boolean {
  const { permit } = outer;
  if (permit === undefined) return isHeldBy(path, outer);
  const readers = listReaders(new Place(permit.lock));
  const isShared = readers.some((found) => isPermitOf(found, outer));
  return isShared && (isSlot(permit.by) || isHeldBy(permit.by, outer));
}

/** Whether the exclusive claim at a path is this holder's. */
function isHeldBy(path: string, { pid, start }: Outer): boolean {
  const found = look(path);
  if (found.kind !== 'claim' || found.record?.mode !== 'exclusive') return false;
  const { holder } = found.record;
  return holder.pid === pid && holder.start === start;
}

/**
 * Whether the nested lock of a path is to be asked: it is claimed, or shared, or its last holder died, or that holds for
 * one that is nested in it. A lock file of the kernel engine, or an empty file, is no claim and keeps no portable lock.
 *
 * @throws {UnwritableError | ExhaustedError} the system does not tell.
 */
export function isNestedUsed(request: LockRequest): boolean {
  try {
    return isUsed(request.path);
  } catch (error) {
    throw failure({ ...request, path: nestedPath(request.path) }, error);
  }
}

/** The same as far as can be seen, for who lets nobody in on that. */
export function isNestedSeen(path: string): boolean {
  try {
    return isUsed(path);
  } catch {
    return false;
  }
}

/** The same by its path. @throws the system's error. */
export function isUsed(path: string): boolean {
  const nested = nestedPath(path);
  const { lock, queue, readers, news } = new Place(nested);
  if (isThere(lock) && look(lock).kind !== 'kernel') return true;
  return isThere(queue) && (isThere(readers) || isThere(news) || isUsed(nested));
}

/** The request for the nested lock of the one that is asked for. Permits of the two would not be counted together. */
export function nestedRequest(request: LockRequest): LockRequest {
  const { path, permits } = request;
  const mode = permits === undefined ? request.mode : 'exclusive';
  return { ...request, path: nestedPath(path), permits: undefined, within: undefined, mode };
}

/** What getting past the nested lock brought: the nested holder that died. */
export interface Passed {
  readonly recovered: HolderRecord | undefined;
}

export const PASSED: Passed = { recovered: undefined };
