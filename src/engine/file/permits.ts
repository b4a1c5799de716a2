import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedError } from '../../errors/lock-errors.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { makeBeside } from './make.ts';
import { type LockRights, rightsOf } from './rights.ts';
import { refuseStrangersFile, refuseToShutOut } from './strangers.ts';

/** The name of a slot, whatever is appended to it; with the number of permits of which it is one. */
const NAME = /^(slot-\d{1,4}-of-(\d{1,4}))(?=$|\.)/;

/** Why a thing that is not Holdfast's is refused there, and what to do about it. */
export const IN_THE_WAY = 'where it is counted who holds a permit, so none can be granted: move it away';

/** The directory beside a lock file for what belongs to its permits. Like the lock file, it stays once it was made. */
export function permitsDirectory(lockPath: string): string {
  return `${lockPath}.permits`;
}

export function slotName(slot: number, permits: number): string {
  return `slot-${slot}-of-${permits}`;
}

/** The file that stands for a permit, or would; a nested lock under the permit is named after it. */
export function slotPath(lockPath: string, slot: number, permits: number): string {
  return join(permitsDirectory(lockPath), slotName(slot, permits));
}

/** Of a name that is a slot's, or begins with one: the slot, and how many there are. */
export function slotIn(name: string): { readonly slot: string; readonly permits: number } | undefined {
  const [, slot, permits] = NAME.exec(name) ?? [];
  return slot === undefined ? undefined : { slot, permits: Number(permits) };
}

/** The slots of a lock of whose permits anything stands there, be it what is nested under them. */
export function slotsAt(lockPath: string): string[] {
  const directory = permitsDirectory(lockPath);
  try {
    const slots = readdirSync(directory).flatMap((name) => slotIn(name)?.slot ?? []);
    return [...new Set(slots)].map((slot) => join(directory, slot));
  } catch {
    return []; // no permits, or not ours to read
  }
}

/**
 * Makes the directory, or finds it there.
 *
 * @throws {RefusedError} something else stands in its place, or a stranger made it: then he could take the slots of others
 * away.
 */
export function preparePermits(request: LockRequest, rights: LockRights = rightsOf(request)): void {
  const path = permitsDirectory(request.path);
  const there = { ...request, path };
  const seen = lstatOrNothing(path); // as a rule, it is there
  if (seen === undefined) refuseToShutOut(there, rights.refusedBy);
  const found = makeBeside(request, path, { rights, seen });
  if (found === undefined) return; // gone again: the open that follows says so
  const what = found.isSymbolicLink() ? 'a symbolic link' : 'no directory';
  if (!found.isDirectory()) throw new RefusedError(there, `is ${what} ${IN_THE_WAY}`);
  refuseStrangersFile(there, found);
}
