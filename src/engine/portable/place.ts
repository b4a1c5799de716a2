import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { RefusedError } from '../../errors/lock-errors.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { makeBeside, makeHome } from '../file/make.ts';
import { slotName } from '../file/permits.ts';
import { type LockRights, rightsOf } from '../file/rights.ts';
import { refuseStrangersFile, refuseToShutOut } from '../file/strangers.ts';
import { refuseUnsafeDirectory } from '../file/unsafe-directory.ts';
import { unusable } from '../file/unusable.ts';
import { readersDirectory } from '../signature.ts';
import { type Whereabouts, whereabouts } from './whereabouts.ts';

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

  isRight(path: string): boolean {
    return path.startsWith(this.breakPath(''));
  }

  /** Where a claim directory goes to be taken apart. */
  gonePath(token: string): string {
    return join(this.queue, `gone.${token}`);
  }

  readerPath(token: string): string {
    return join(this.readers, token);
  }

  slotPath(slot: number, permits: number): string {
    return join(this.readers, slotName(slot, permits));
  }

  /** The claim of a reader that has a permit nested under the holder of this slot, or after that. */
  nestedReaderPath(slot: string, token: string): string {
    return join(this.readers, `${slot}.${token}`);
  }

  /** Whether a path is that of a reader claim which no other claim ever has. */
  isReadersOwn(path: string, token: string): boolean {
    return dirname(path) === this.readers && path.endsWith(token);
  }

  /** Says that the exclusive claim with this token was granted, where the counter could not be told. */
  grantedPath(token: string): string {
    return join(this.queue, `granted.${token}`);
  }

  childPath(token: string): string {
    return join(this.queue, `child.${token}`);
  }
}

/**
 * Makes the queue directory of a lock, with its parents. `as seen`: one that seems to stand there is taken for granted,
 * for who comes again when it is not: a network file system may show one that is gone.
 *
 * Tells which directory that is; undefined where it was removed meanwhile.
 *
 * @throws {UnwritableError | ExhaustedError} it cannot be made. @throws {RefusedError} something else stands in its place, or a stranger
 * made it in a directory open to all users.
 */
export function makeQueue(
  request: LockRequest,
  place: Place,
  how: 'as seen' | 'for certain' = 'for certain',
  known?: LockRights,
): Whereabouts | undefined {
  const there = { ...request, path: place.queue };
  let found: Stats | undefined;
  try {
    const seen = how === 'as seen' ? lstatOrNothing(place.queue) : undefined;
    if (seen === undefined) makeHome(request);
    refuseUnsafeDirectory(request);
    const rights = known ?? rightsOf(request);
    refuseToShutOut(request, rights.refusedBy);
    found = makeBeside(request, place.queue, { rights, seen });
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    throw unusable(there, systemCode(error) ?? 'EIO', error);
  }
  if (found === undefined) return undefined; // whoever needs it makes it again
  if (!found.isDirectory()) throw new RefusedError(there, 'is not a directory');
  refuseStrangersFile(there, found);
  return whereabouts(place.queue, found);
}
