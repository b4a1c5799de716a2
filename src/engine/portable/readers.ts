import { lstatSync, readdirSync, rmdirSync, type Stats } from 'node:fs';
import { basename, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { PermitsError, RefusedError, UnwritableError } from '../../errors/lock-errors.ts';
import { fileSystemOf } from '../../storage/file-system/index.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import { makeBeside, patiently } from '../file/make.ts';
import { slotIn } from '../file/permits.ts';
import { rightsOf } from '../file/rights.ts';
import { refuseStrangersFile } from '../file/strangers.ts';
import { unusable } from '../file/unusable.ts';
import type { Claim } from './claim.ts';
import { failure, refuseUnreadable } from './failure.ts';
import type { PortableLock } from './lock.ts';
import { errorOf, type FoundClaim, look } from './look.ts';
import { clearGivenBack } from './own-right.ts';
import { makeQueue, type Place } from './place.ts';
import { takeOver } from './take-over.ts';

const ATTEMPTS = 20;

/**
 * Those who share a lock: one claim each in `<lock>.queue/readers/`, left while the gate, which is the claim at the lock
 * path, is held for a moment. A writer that sees no reader takes the gate, and has the lock if there is none.
 *
 * Trace (R reader, W writer):
 *  1. R takes the gate. 2. R publishes its reader claim. 3. R sees that the gate is still its own, and shares the lock; else
 *  it takes its reader claim back. 4. R gives the gate back.
 *  W takes the gate: readers that passed 3 are there, and no other can pass it. W has the lock if the directory of the
 *  reader claims can be removed, which the file system grants only when it is empty; else it gives the gate back. No
 *  listing is trusted: a network file system may show an old one, and that costs W time only.
 *  R's gate can be removed before 3, by who sees R stopped, by a person, or because a lease is over. Then W may have the lock
 *  by 3, and R does not find its gate, for no claim ever returns to a path. A gate that is R's at 3 was there at 2: who
 *  takes it after that finds R's reader claim.
 *  R stopped before 3: its gate is removed by who sees it. After 3: R holds the lock. W stopped with the gate, which it
 *  has only for as long as it takes to remove a directory: it keeps everybody out, as any holder that is stopped.
 *  R dead at 1 to 3: its gate is taken over like any claim. After 2: its reader claim, at a path of its own or under a
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

/**
 * All who share one lock at a time have agreed on the number of permits, or on none. Tells where their claims are, those
 * that cannot be read included.
 *
 * @throws {PermitsError} @throws {UnwritableError | ExhaustedError} it cannot be told who shares the lock.
 */
export function refuseOtherTerms(lock: PortableLock, permits: number | undefined): readonly Sharer[] {
  const readers = readerPaths(lock).flatMap((path) => (isShared(lock, path) ? [{ path }] : []));
  for (const { path } of readers) {
    const agreed = slotIn(basename(path))?.permits;
    if (agreed !== permits) throw new PermitsError(lock.request, permits ?? 0, agreed ?? 0);
  }
  return readers;
}

type Sharer = Pick<FoundClaim, 'path'>;

function isShared(lock: PortableLock, path: string): boolean {
  const found = look(path);
  if (found.kind === 'unreadable') refuseUnreadable({ ...lock.request, path }, found);
  return found.kind === 'unreadable' || (found.kind === 'claim' && !clearIfDead(lock, found));
}

/**
 * Whether it is certain that nobody shares the lock. For who has the gate; removes what the dead left.
 *
 * @throws {RefusedError} something that is no claim lies among the readers, so that it can never become certain.
 * @throws {UnwritableError | ExhaustedError} only a listing could tell, and it fails.
 */
export function areReadersGone(lock: PortableLock): boolean {
  if (livingReaders(lock).length > 0) return false;
  lock.settings.step('drain');
  makeReaders(lock); // so that what the removal says is the server's word, not that of a memory of nothing
  try {
    rmdirSync(lock.place.readers);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? 'EIO';
    if (code === 'ENOENT') return true; // removed by the reader that left last
    refuseForeign(lock);
    return REFUSALS.includes(code) && isListedEmpty(lock);
  }
}

/** What a directory with the sticky bit says to who would remove another user's. */
const REFUSALS = ['EPERM', 'EACCES'];

/**
 * Whether another user's directory of readers, which this one may not remove, has none in it. On a local file system a
 * listing is as good as the removal.
 *
 * @throws {RefusedError} elsewhere, where it may be an old one.
 */
function isListedEmpty(lock: PortableLock): boolean {
  const { request, place } = lock;
  if (readerPaths(lock).length > 0) return false;
  if (fileSystemOf(place.queue).reach === 'local') return true;
  const owner = statOrNothing(place.readers)?.uid;
  const what = `cannot be removed, and is empty as far as a file system tells that may be a network drive: user id ${owner} or root has to remove it`;
  throw new RefusedError({ ...request, path: place.readers }, what);
}

/** @throws {RefusedError} naming what lies there and is neither a claim nor gone by now. */
function refuseForeign({ request, place }: PortableLock): void {
  for (const name of namesIn(place)) {
    const path = join(place.readers, name);
    const { kind } = look(path);
    if (kind !== 'foreign' && kind !== 'kernel') continue;
    const what =
      "is not Holdfast's, and has to be moved out of the directory in which those who share the lock are counted";
    throw new RefusedError({ ...request, path }, what);
  }
}

/** @throws {RefusedError} something else stands in its place. @throws {UnwritableError | ExhaustedError} */
function makeReaders(lock: PortableLock): void {
  const found = mkdirReaders(lock);
  const { request, place } = lock;
  const there = { ...request, path: place.readers };
  if (found === undefined) return; // removed meanwhile; whoever needs it makes it again
  if (!found.isDirectory()) throw new RefusedError(there, 'is not a directory');
  refuseStrangersFile(there, found);
}

function mkdirReaders({ request, place }: PortableLock): Stats | undefined {
  for (let attempt = 1; ; attempt++) {
    const rights = rightsOf(request);
    if (attempt > 1) makeQueue(request, place, 'for certain', rights); // before, the claim that is to be shown lies in it
    try {
      return makeBeside(request, place.readers, { rights });
    } catch (error) {
      const code = systemCode(error) ?? 'EIO';
      if (code === 'ENOENT' && attempt < ATTEMPTS) continue; // somebody removed the empty queue directory
      throw unusable({ ...request, path: place.readers }, code, error);
    }
  }
}

/**
 * The claims of those who share the lock, as far as they can be seen now. Removes those of the dead. None is no proof:
 * for that, see `areReadersGone` and `refuseOtherTerms`.
 */
export function livingReaders(lock: PortableLock): FoundClaim[] {
  return listReaders(lock.place).filter((reader) => !clearIfDead(lock, reader));
}

export function listReaders(place: Place): FoundClaim[] {
  return namesIn(place).flatMap((name) => {
    const found = look(join(place.readers, name));
    return found.kind === 'claim' ? [found] : [];
  });
}

/** Empty also where the directory cannot be read: for who only wants to know what can be seen. */
function namesIn({ readers }: Place): string[] {
  try {
    return namesFor(readers);
  } catch {
    return [];
  }
}

/**
 * Where all reader claims are, for who lets somebody in, or removes something, because one is not among them.
 *
 * @throws {UnwritableError | ExhaustedError} it cannot be told.
 */
export function readerPaths({ request, place }: PortableLock): string[] {
  const { readers } = place;
  try {
    const names = patiently(
      readers,
      () => namesFor(readers),
      () => rightsOf(request).directory,
    );
    return names.map((name) => join(readers, name));
  } catch (error) {
    throw failure({ ...request, path: readers }, error);
  }
}

/** The same for who looks, and takes nothing. @throws the system's error where they cannot be seen. */
export function seenReaders({ readers }: Place): FoundClaim[] {
  return namesFor(readers).flatMap((name) => {
    const found = look(join(readers, name));
    if (found.kind === 'unreadable') throw errorOf(found);
    return found.kind === 'claim' ? [found] : [];
  });
}

/** Of what is a directory, and not a link to one. @throws the system's error, unless it is gone. */
function namesFor(readers: string): string[] {
  if (lstatSync(readers, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  try {
    return readdirSync(readers);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Whether a claim is gone, or was a dead one's, which this has taken over. */
export function clearIfDead(lock: PortableLock, reader: FoundClaim): boolean {
  if (clearGivenBack(lock, reader)) return true;
  return lock.judge(reader) !== 'held' && takeOver(lock, reader) !== 'busy';
}
