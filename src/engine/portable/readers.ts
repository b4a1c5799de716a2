import { lstatSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { PermitsError, RefusedError, UnwritableError } from '../../errors/lock-errors.ts';
import { refuseStrangersFile } from '../ownership.ts';
import type { Claim } from './claim.ts';
import { attempt } from './failure.ts';
import { isGivenBack } from './give-back.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { make, makeQueue, type Place } from './place.ts';
import { takeOver } from './take-over.ts';

const ATTEMPTS = 20;
const SLOT = /^slot-\d{1,4}-of-(\d{1,4})$/;

/**
 * Those who share a lock: one claim each in `<lock>.queue/readers/`, left while the gate, which is the claim at the lock
 * path, is held for a moment. A writer takes the gate and keeps it until no reader is left.
 *
 * Trace (R reader, W writer):
 *  1. R takes the gate. 2. R publishes its reader claim. 3. R gives the gate back, and shares the lock.
 *  W takes the gate: readers that passed 2 are there, and no other can pass it. W waits until the directory of the
 *  reader claims can be removed, which the file system grants only when it is empty. No listing is trusted: a network
 *  file system may show an old one, and that costs W time only.
 *  R dead at 1 or 2: its gate is taken over like any claim. After 2: its reader claim, at a path of its own or under a
 *  break claim, likewise. W dead anywhere: its gate is taken over, and the readers are none the worse.
 */
export function publishReader(lock: PortableLock, claim: Claim, path: string): boolean {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    makeReaders(lock);
    lock.settings.step('publish-reader');
    const result = claim.publish(path);
    if (result !== 'gone') return result === 'published'; // gone: who left last removed the directory
  }
  throw new UnwritableError({ ...lock.request, path: lock.place.readers }, 'ENOENT');
}

/** Takes one of n permits, under the gate, and tells where. Undefined when all are taken. @throws {PermitsError} */
export function publishPermit(lock: PortableLock, claim: Claim, permits: number): string | undefined {
  refuseOtherTerms(lock, permits);
  for (let slot = 0; slot < permits; slot++) {
    const path = lock.place.slotPath(slot, permits);
    const holder = look(path);
    if (holder.kind === 'claim') clearIfDead(lock, holder);
    if (publishReader(lock, claim, path)) return path;
  }
  return undefined;
}

/** All who share one lock at a time have agreed on the number of permits, or on none. */
export function refuseOtherTerms(lock: PortableLock, permits: number | undefined): void {
  for (const { path } of livingReaders(lock)) {
    const others = SLOT.exec(path.slice(lock.place.readers.length + 1))?.[1];
    const agreed = others === undefined ? undefined : Number(others);
    if (agreed !== permits) throw new PermitsError(lock.request, permits ?? 0, agreed ?? 0);
  }
}

/**
 * Whether it is certain that nobody shares the lock. For who has the gate; removes what the dead left.
 *
 * @throws {RefusedError} something that is no claim lies among the readers, so that it can never become certain.
 */
export function areReadersGone(lock: PortableLock): boolean {
  if (livingReaders(lock).length > 0) return false;
  lock.settings.step('drain');
  makeReaders(lock); // so that what the removal says is the server's word, not that of a memory of nothing
  try {
    rmdirSync(lock.place.readers);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true; // removed by the reader that left last
    refuseForeign(lock);
    return false;
  }
}

/** @throws {RefusedError} naming what lies there and is neither a claim nor gone by now. */
function refuseForeign({ request, place }: PortableLock): void {
  for (const name of namesIn(place)) {
    const path = join(place.readers, name);
    const { kind } = look(path);
    if (kind !== 'foreign' && kind !== 'kernel') continue;
    const what =
      'is not Holdfast’s, and has to be moved out of the directory in which those who share the lock are counted';
    throw new RefusedError({ ...request, path }, what);
  }
}

/** @throws {RefusedError} something else stands in its place. @throws {UnwritableError} */
function makeReaders(lock: PortableLock): void {
  mkdirReaders(lock);
  const { request, place } = lock;
  const there = { ...request, path: place.readers };
  const found = attempt(there, () => lstatSync(place.readers, { throwIfNoEntry: false }));
  if (found === undefined) return; // removed meanwhile; whoever needs it makes it again
  if (!found.isDirectory()) throw new RefusedError(there, 'is not a directory');
  refuseStrangersFile(there, found.uid);
}

function mkdirReaders({ request, place }: PortableLock): void {
  for (let attempt = 1; ; attempt++) {
    makeQueue(request, place);
    try {
      make(place.readers, 0o777);
      return;
    } catch (error) {
      const code = systemCode(error) ?? 'EIO';
      if (code === 'ENOENT' && attempt < ATTEMPTS) continue; // somebody removed the empty queue directory
      throw new UnwritableError({ ...request, path: place.readers }, code, error);
    }
  }
}

/** The claims of those who share the lock, as far as they can be seen now. Removes those of the dead. */
export function livingReaders(lock: PortableLock): FoundClaim[] {
  return listReaders(lock.place).filter((reader) => !clearIfDead(lock, reader));
}

export function listReaders(place: Place): FoundClaim[] {
  return namesIn(place).flatMap((name) => {
    const found = look(join(place.readers, name));
    return found.kind === 'claim' ? [found] : [];
  });
}

/** Empty also where the directory is not ours to read, or is none but a link. */
function namesIn({ readers }: Place): string[] {
  try {
    return lstatSync(readers).isDirectory() ? readdirSync(readers) : [];
  } catch {
    return [];
  }
}

function clearIfDead(lock: PortableLock, reader: FoundClaim): boolean {
  if (isGivenBack(reader.token)) return true;
  return lock.judge(reader) !== 'held' && takeOver(lock, reader) !== 'busy';
}
