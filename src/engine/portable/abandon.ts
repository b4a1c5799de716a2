import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isThere } from '../../storage/fs/stat.ts';
import { permitsDirectory, slotIn, slotsAt } from '../file/permits.ts';
import { nestedPath } from '../nested.ts';
import { commandLiveness } from './child.ts';
import { isCopy } from './copy.ts';
import { attempt } from './failure.ts';
import { livenessAt } from './liveness.ts';
import { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { isSlot } from './permits.ts';
import { Place } from './place.ts';
import { seenReaders } from './readers.ts';
import { provable } from './record.ts';
import { cleanUp, removeAbandoned, type TakeOver } from './take-over.ts';

/** `gone`: no claim of this identity stands there. `alive`: its owner lives. `busy`: it is being removed already. */
export type Abandoned = 'removed' | 'gone' | 'alive' | 'busy';

/**
 * Removes the one claim of this identity on a person's word that its owner is gone for good, where nothing here proves
 * it; also one by which the lock is held nested. Never that of a process, or of its command, which is seen to live, and
 * never another claim: one that took its place has another identity. An owner that lives all the same, cut off from here,
 * is told by its next check, as after any loss. A copy is nobody's, whoever lives.
 *
 * Who holds a permit nested has two claims: that among the readers, by which it is known, and that at the nested lock of
 * the permit (see `admits`). Trace (B removes them): 1. B removes the one at the nested lock. 2. B removes the one that it
 * was told. B dead, or refused, before 2: the second one stands, so that the holder is still seen, and can be removed.
 *
 * @throws {UnwritableError | ExhaustedError} the system does not tell what stands there.
 */
export function abandon(lock: PortableLock, claim: string): Abandoned {
  return attempt(lock.request, () => abandonAt(lock, claim));
}

function abandonAt(lock: PortableLock, claim: string): Abandoned {
  for (const level of levelsOf(lock)) {
    const found = standing(level).find(({ token }) => token === claim);
    if (found === undefined) continue;
    for (const part of [...nestedPartsOf(level, found), { at: level, found }]) {
      const outcome = remove(part);
      if (outcome !== 'removed' && outcome !== 'changed') return outcome;
      if (part.found === found) return outcome === 'changed' ? 'gone' : outcome;
    }
  }
  return 'gone';
}

interface Part {
  readonly at: PortableLock;
  readonly found: FoundClaim;
}

/** A lock, and those that are nested in it, one in another; also under a permit, where a claim may stand by itself. */
function levelsOf(lock: PortableLock): PortableLock[] {
  const { path } = lock.request;
  const nested = [path, ...slotsAt(path)].flatMap((each) => nestedLock(lock, each) ?? []);
  return [lock, ...nested.flatMap(levelsOf)];
}

/** The nested lock of a path, if it was ever used. */
function nestedLock({ request, settings }: PortableLock, path: string): PortableLock | undefined {
  const nested = nestedPath(path);
  const { lock, queue } = new Place(nested);
  if (!isThere(lock) && !isThere(queue)) return undefined;
  return new PortableLock({ ...request, path: nested }, settings);
}

function standing({ place }: PortableLock): FoundClaim[] {
  const gate = look(place.lock);
  return [...(gate.kind === 'claim' ? [gate] : []), ...seenReaders(place)];
}

/** Of a permit that is held nested: the claims of the same process at the nested locks of the permit. */
function nestedPartsOf(lock: PortableLock, { path, record }: FoundClaim): Part[] {
  const slot = slotIn(basename(path))?.slot;
  if (slot === undefined || isSlot(path) || record === undefined) return [];
  const owner = provable(record.holder);
  const nested = nestedLock(lock, join(permitsDirectory(lock.request.path), slot));
  return (nested === undefined ? [] : levelsOf(nested)).flatMap((at) => {
    const found = look(at.place.lock);
    if (found.kind !== 'claim' || found.record === undefined || isCopy(found)) return [];
    return isDeepStrictEqual(provable(found.record.holder), owner) ? [{ at, found }] : [];
  });
}

function remove({ at, found }: Part): TakeOver | 'alive' {
  if (isCopy(found)) return cleanUp(at, found);
  const { record } = found;
  const isAlive = record !== undefined && livenessAt(found.path, record.holder) === 'alive';
  if (isAlive || commandLiveness(at.place, found) === 'alive') return 'alive';
  return removeAbandoned(at, found);
}
