import type { HeldPermit } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { holdingOf, type Lock } from './lock.ts';
import { isSharedAgain, type OuterHold, pathInside } from './outer.ts';

/** Whether the nested lock of this hold keeps the resource for who has it: whoever comes after the outer holder will meet it. */
export function isNestedIn(hold: OuterHold): boolean {
  return isSharedAgain(hold) || engine.admits(hold.path, hold);
}

/** The same once it was granted, as one of these locks, which from then on holds a permit together with the outer one. */
export function isKeptIn(hold: OuterHold, granted: readonly Lock[]): boolean {
  const { permit } = hold;
  if (permit === undefined) return isNestedIn(hold);
  const path = pathInside(hold);
  return granted.some((lock) => lock.path === path && holdingOf(lock).grant.join({ ...hold, permit }));
}

/** The permit that a lock is, for what is nested under it. */
export function permitOf(lock: Lock): HeldPermit | undefined {
  return holdingOf(lock).grant.permit;
}

/** All descriptors by which a command keeps a lock; undefined where it takes a record. */
export function descriptorsOf(lock: Lock): readonly number[] | undefined {
  return holdingOf(lock).grant.descriptors;
}

/** Has the commands that are started under a lock from now on take it again, nested. False where they could not keep it. */
export function admitNested(lock: Lock): boolean {
  return holdingOf(lock).grant.admitNested();
}

/** The processes that a lock's descriptor has come to; see `Engine`. */
export function carriersOf(path: string): number[] {
  return engine.carriers(path);
}

/** Has the release of a lock leave it to processes that work under it still; see `Grant`. */
export function bequeath(
  lock: Lock,
  heirs: readonly { readonly pid: number; readonly start?: string }[],
): void {
  holdingOf(lock).grant.bequeath(heirs);
}

/** Has the release of a lock leave to the next holder what `recovered` told this one, who could do nothing with it. */
export function returnNews(lock: Lock): void {
  holdingOf(lock).returnNews();
}
