import { constants, fchmodSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { closeQuietly, readText, syncDirectory } from './files.ts';
import type { PortableLock } from './lock.ts';
import { fileMode, type Place } from './place.ts';

const { O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const SIGNATURE = 'holdfast-token 1\n';
const FORM = /^holdfast-token 1\ntoken (\d{16})\nclaim ([0-9a-f]{32})\nend (\d{16})\n/;
const BYTES = 128;

interface Count {
  readonly token: number;
  /** The claim it was counted for. */
  readonly claim: string;
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

/** Writes the count of a grant. False when it cannot be written. */
export function writeCount({ request, place }: PortableLock, token: number, claim: string): boolean {
  const digits = String(token).padStart(16, '0');
  const text = `${SIGNATURE}token ${digits}\nclaim ${claim}\nend ${digits}\n`.padEnd(BYTES);
  try {
    const fd = openSync(place.counter, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, fileMode(request));
    try {
      setMode(fd, fileMode(request));
      return writeSync(fd, text, 0) === BYTES;
    } finally {
      closeQuietly(fd);
    }
  } catch {
    return false;
  }
}

function setMode(fd: number, mode: number): void {
  try {
    fchmodSync(fd, mode);
  } catch {
    // Another user's file, which this one may write.
  }
}

/** Has the disk know the count. False when it cannot be told. */
export function syncCount({ place }: PortableLock): boolean {
  try {
    const fd = openSync(place.counter, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    try {
      fsyncSync(fd);
    } finally {
      closeQuietly(fd);
    }
  } catch {
    return false;
  }
  syncDirectory(place.queue);
  syncDirectory(dirname(place.lock));
  return true;
}

/** The token of the last exclusive grant; undefined when there was none. */
export function lastToken(place: Place): number | undefined {
  return readCount(place)?.token;
}

export function claimOfLastGrant(place: Place): string | undefined {
  return readCount(place)?.claim;
}

function readCount(place: Place): Count | undefined {
  const [, token, claim, end] = FORM.exec(readText(place.counter) ?? '') ?? [];
  const value = Number(token);
  return claim !== undefined && token === end && value < Number.MAX_SAFE_INTEGER
    ? { token: value, claim }
    : undefined;
}
