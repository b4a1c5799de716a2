import { basename } from 'node:path';
import { mayBeThere } from '../../storage/fs/stat.ts';
import type { Outer } from '../engine.ts';
import { slotIn, slotPath } from '../file/permits.ts';
import { nestedPath } from '../nested.ts';
import type { Claim } from './claim.ts';
import { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { forgetNews } from './news.ts';
import { Place } from './place.ts';
import { clearIfDead, publishReader, refuseOtherTerms } from './readers.ts';

/** Takes one of n permits, under the gate, and tells where. Undefined when all are taken. @throws {PermitsError} */
export function publishPermit(lock: PortableLock, claim: Claim, permits: number): string | undefined {
  refuseOtherTerms(lock, permits);
  for (let slot = 0; slot < permits; slot++) {
    const path = lock.place.slotPath(slot, permits);
    const isFree = isSlotFree(lock, path) && !isKeptNested(lock, slotPath(lock.request.path, slot, permits));
    if (isFree && publishReader(lock, claim, path)) return path;
  }
  return undefined;
}

/** Whether fewer of n permits are taken, as far as can be seen, without the gate. @throws {PermitsError} */
export function isPermitLeft(lock: PortableLock, permits: number): boolean {
  return countHolders(refuseOtherTerms(lock, permits)) < permits;
}

/** Step i of a permit in `admits`. */
function isSlotFree(lock: PortableLock, path: string): boolean {
  const found = look(path);
  if (found.kind === 'claim') return clearIfDead(lock, found);
  return found.kind !== 'unreadable' || !found.stands;
}

/** Step ii: whether a nested holder keeps a slot; if not, none will. Removes what the dead left. */
function isKeptNested({ request, settings }: PortableLock, slot: string): boolean {
  for (let path = nestedPath(slot); isUsed(path); path = nestedPath(path)) {
    const nested = new PortableLock({ ...request, path, mode: 'exclusive', permits: undefined }, settings);
    const found = look(path);
    if (found.kind === 'unreadable') return true;
    if (found.kind === 'claim' && !clearIfDead(nested, found)) return true;
    forgetNews(nested);
  }
  return false;
}

/** Whether a nested lock was ever used; it leaves its counter. */
function isUsed(path: string): boolean {
  const { lock, queue } = new Place(path);
  return mayBeThere(lock) || mayBeThere(queue);
}

/** How many hold the lock together; those who hold one permit, nested in each other, count once. */
export function countHolders(readers: readonly Pick<FoundClaim, 'path'>[]): number {
  return new Set(readers.map(({ path }) => slotIn(basename(path))?.slot ?? path)).size;
}

/** Whether what stands for a permit is its slot, and not a nested lock. */
export function isSlot(path: string): boolean {
  return slotIn(basename(path))?.slot === basename(path);
}

/** Whether a reader claim is that by which this holder has its permit. */
export function isPermitOf({ path, record }: FoundClaim, { pid, start, permit }: Outer): boolean {
  const holder = record?.holder;
  if (holder?.pid !== pid || holder.start !== start || permit === undefined) return false;
  const by = basename(permit.by);
  return isSlot(by) ? basename(path) === by : slotIn(basename(path))?.slot === slotIn(by)?.slot;
}
