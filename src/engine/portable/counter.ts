import { constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { syncDirectoryQuietly } from '../../storage/fs/sync-directory.ts';
import { Date } from '../../time/time.ts';
import { makeFile } from '../file/make.ts';
import { NO_FILE, readText } from './files.ts';
import type { PortableLock } from './lock.ts';
import type { Place } from './place.ts';
import type { Settings } from './settings.ts';

const { O_RDWR } = constants;
const SIGNATURE = 'holdfast-token 1\n';
const FORM = /^holdfast-token 1\ntoken (\d{16})\nclaim ([0-9a-f]{32})\nend (\d{16})\n(makeshift\n)?/;
const BYTES = 128;

interface Count {
  readonly token: number;
  /** The claim it was counted for. */
  readonly claim: string;
  /** Every grant so far was given by a program that had no other engine to use. */
  readonly makeshift: boolean;
}

/**
 * The fencing counter of one lock, in the queue directory, because the claim itself goes away with each release. Written
 * in place, by one call, only by who holds the lock's claim: so there is one writer at a time.
 *
 * The next token is the last plus one, or the clock in microseconds where that is more: after the file was lost, torn or
 * set back by a power loss, the clock still says more than anything counted before it, as it does for a holder whose lease
 * ran out in the middle of counting.
 */
export function nextToken({ place }: PortableLock): number {
  return Math.max((readCount(place)?.token ?? 0) + 1, Date.now() * 1000);
}

/** Writes the count of a grant. `foreign`: what stands there is somebody else's, and was left as it is. */
export function writeCount(
  lock: PortableLock,
  token: number,
  claim: string,
): 'written' | 'unwritable' | 'foreign' {
  const { place, settings } = lock;
  const digits = String(token).padStart(16, '0');
  const origin = hasNoChoice(settings) && (isMakeshift(place) || !isCounted(place)) ? 'makeshift\n' : '';
  const text = `${SIGNATURE}token ${digits}\nclaim ${claim}\nend ${digits}\n${origin}`.padEnd(BYTES);
  try {
    const fd = openCounter(lock);
    try {
      if (!isOurs(fd)) return 'foreign';
      return writeSync(fd, text, 0) === BYTES ? 'written' : 'unwritable';
    } finally {
      closeQuietly(fd);
    }
  } catch (error) {
    return NO_FILE.includes(systemCode(error) ?? '') ? 'foreign' : 'unwritable';
  }
}

/** A file that a counter wrote, or one of no other name that is empty or torn. */
function isOurs(fd: number): boolean {
  const stats = fstatSync(fd);
  const start = Buffer.alloc(SIGNATURE.length);
  const text = start.toString('latin1', 0, stats.isFile() ? readSync(fd, start, 0, start.length, 0) : 0);
  if (text === SIGNATURE) return true; // a backup may have linked it
  return stats.isFile() && stats.nlink === 1 && SIGNATURE.startsWith(text);
}

/**
 * Opens a counter that is there without asking to make it: in a directory with the sticky bit, Linux refuses that of
 * another user's file (fs.protected_regular).
 */
function openCounter({ request, place }: PortableLock): number {
  try {
    return openSync(place.counter, O_RDWR | SAFELY);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  return makeFile(request, place.counter);
}

/** Has the disk know the count. False when it cannot be told. */
export function syncCount({ place }: PortableLock): boolean {
  try {
    const fd = openSync(place.counter, O_RDWR | SAFELY);
    try {
      fsyncSync(fd);
    } finally {
      closeQuietly(fd);
    }
  } catch {
    return false;
  }
  syncDirectoryQuietly(place.queue);
  syncDirectoryQuietly(dirname(place.lock));
  return true;
}

/** The token of the last exclusive grant; undefined when there was none. */
export function lastToken(place: Place): number | undefined {
  return readCount(place)?.token;
}

/** Whether this engine was not chosen: there is no other here, or only until the other one has the lock. */
function hasNoChoice({ makeshift, heir }: Settings): boolean {
  return makeshift || heir !== undefined;
}

/** Whether it is on record that nobody who could have had another engine was ever granted the lock exclusively. */
export function isMakeshift(place: Place): boolean {
  return readCount(place)?.makeshift === true;
}

/**
 * Puts on record that it is one, for who shares the lock, which else counts nothing, under the gate. One that is stopped
 * here until its gate is gone can undo the count of the holder that came: tokens rise all the same, by the clock.
 */
export function noteMakeshift(lock: PortableLock, claim: string): void {
  if (lock.settings.makeshift && !isCounted(lock.place)) writeCount(lock, nextToken(lock), claim);
}

function isCounted({ counter }: Place): boolean {
  return lstatOrNothing(counter) !== undefined;
}

export function claimOfLastGrant(place: Place): string | undefined {
  return readCount(place)?.claim;
}

function readCount(place: Place): Count | undefined {
  const [, token, claim, end, origin] = FORM.exec(readText(place.counter) ?? '') ?? [];
  const value = Number(token);
  return claim !== undefined && token === end && value < Number.MAX_SAFE_INTEGER
    ? { token: value, claim, makeshift: origin !== undefined }
    : undefined;
}
