import { chmodSync, chownSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { RefusedError, UnwritableError } from '../../errors/lock-errors.ts';
import { makeDirectory } from '../../storage/directory.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { refuseStrangersFile, refuseUnsafeDirectory } from '../ownership.ts';
import { readersDirectory } from '../signature.ts';
import { attempt } from './failure.ts';

/**
 * Where everything of one portable lock lies. The lock path itself exists only while the lock is claimed; all else is
 * inside `<lock>.queue/`, so that nothing but that directory ever appears beside a user's file.
 */
export class Place {
  readonly lock: string;
  readonly queue: string;
  readonly readers: string;
  /** The fencing counter: the one file that stays. */
  readonly counter: string;
  /** The record of an exclusive holder that died, until the next exclusive holder has read it. */
  readonly news: string;

  constructor(lock: string) {
    this.lock = lock;
    this.queue = `${lock}.queue`;
    this.readers = readersDirectory(lock);
    this.counter = join(this.queue, 'token');
    this.news = join(this.queue, 'recovered');
  }

  /** Where a claim is made before anybody can see it. */
  privatePath(token: string): string {
    return join(this.queue, `new.${token}`);
  }

  /** The right to remove the dead claim with this token, wherever it stands. */
  breakPath(token: string): string {
    return join(this.queue, `break.${token}`);
  }

  /** Where a claim directory goes to be taken apart. */
  gonePath(token: string): string {
    return join(this.queue, `gone.${token}`);
  }

  readerPath(token: string): string {
    return join(this.readers, token);
  }

  slotPath(slot: number, permits: number): string {
    return join(this.readers, `slot-${slot}-of-${permits}`);
  }

  childPath(token: string): string {
    return join(this.queue, `child.${token}`);
  }
}

/**
 * Who may make files in the lock's directory may read and write those in its queue directory; and who may read the data
 * may read who holds its lock.
 */
export function fileMode({ path, beside, access }: LockRequest): number {
  if (access === 'everyone') return 0o666;
  if (beside === undefined) return 0o600;
  const writers = modeOf(dirname(path)) & 0o022;
  return 0o600 | writers | (writers << 1) | (modeOf(beside) & 0o444);
}

function modeOf(path: string): number {
  return statOrNothing(path)?.mode ?? 0;
}

/**
 * Makes the queue directory of a lock, with its parents.
 *
 * @throws {UnwritableError} it cannot be made. @throws {RefusedError} something else stands in its place, or a stranger
 * made it in a directory open to all users.
 */
export function makeQueue(request: LockRequest, place: Place): void {
  const open = request.access === 'everyone';
  try {
    const parentMode = request.beside !== undefined ? 0o777 : open ? 0o1777 : 0o700;
    makeDirectory(dirname(place.lock), parentMode);
    refuseUnsafeDirectory(request);
    if (make(place.queue, request.beside === undefined && !open ? 0o700 : 0o777)) adopt(request, place, open);
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    throw new UnwritableError({ ...request, path: place.queue }, systemCode(error) ?? 'EIO', error);
  }
  const there = { ...request, path: place.queue };
  const found = attempt(there, () => lstatSync(place.queue, { throwIfNoEntry: false }));
  if (found === undefined) return; // removed meanwhile; whoever needs it makes it again
  if (!found.isDirectory()) throw new RefusedError(there, 'is not a directory');
  refuseStrangersFile(there, found.uid);
}

/** False when it was there already. */
export function make(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Beside a data file, the queue directory is for those who may change the directory it lies in. */
function adopt(request: LockRequest, place: Place, open: boolean): void {
  try {
    if (open) chmodSync(place.queue, 0o1777);
    if (request.beside === undefined) return;
    const parent = statSync(dirname(place.lock));
    chownSync(place.queue, process.getuid?.() === 0 ? parent.uid : -1, parent.gid);
    chmodSync(place.queue, (parent.mode & 0o1777) | 0o700);
  } catch {
    // A file system without owners or modes, or a group that is not ours: what it is, it is for this user.
  }
}
