import {
  type BigIntStats,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { O_NOFOLLOW, READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { pinned } from '../../storage/fs/pinned.ts';
import { closeQuietly, removeIfEmpty } from '../../storage/fs/quietly.ts';
import { outlastUse } from '../../storage/replace/index.ts';
import type { LockRequest } from '../engine.ts';
import { complete } from '../file/make.ts';
import { removeFrom } from '../file/remove.ts';
import { recordRights } from '../file/rights.ts';
import { CLAIM_FILE } from '../signature.ts';
import type { FileIdentity } from './record.ts';
import { refuseAway, refuseOther, type Whereabouts } from './whereabouts.ts';

const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

const MOST_TEXT = 8192;

/** What a second try may well not meet again: interrupted, a handle of a server that has moved on, busy for a moment. */
const TRANSIENT = ['EINTR', 'EAGAIN', 'ESTALE', 'EBUSY'];
const TRIES = 5;

/** The call's result, tried again after an error that passes; any other error, or the last one, is thrown. */
export function persistently<T>(call: () => T): T {
  for (let left = TRIES; ; left--) {
    try {
      return call();
    } catch (error) {
      if (left <= 1 || !TRANSIENT.includes(systemCode(error) ?? '')) throw error;
    }
  }
}

/** What goes into a file, which may name that very file. */
export type Text = string | ((own: FileIdentity) => string);

/** Makes a file of a lock with a text, and tells which; one that could not be written whole is removed again. */
export function writeNew(
  path: string,
  text: Text,
  request: LockRequest,
  durability: 'durable' | 'quick',
): BigIntStats {
  const fd = persistently(() => openSync(path, CREATE, 0o600));
  try {
    complete(fd, path, request, { decide: recordRights });
    const made = fstatSync(fd, { bigint: true });
    writeSync(fd, typeof text === 'string' ? text : text(made));
    if (durability === 'durable') persistently(() => fsyncSync(fd));
    return made;
  } catch (error) {
    removeQuietly(path);
    throw error;
  } finally {
    closeQuietly(fd);
  }
}

/**
 * Writes a text to a file in the queue directory, whole or not at all; readers never see a part of it. `unfinished`: a
 * name in the same directory that nobody else uses.
 */
export function writeWhole(
  path: string,
  text: Text,
  request: LockRequest,
  unfinished: string,
  durability: 'durable' | 'quick' = 'quick',
): void {
  writeNew(unfinished, text, request, durability);
  try {
    outlastUse(() => persistently(() => renameWithin(unfinished, path)));
  } catch (error) {
    removeQuietly(unfinished);
    throw error;
  }
}

/**
 * Writes a text over that of a file in the queue directory which the directory lets this user neither replace nor remove:
 * another user's, under the sticky bit. Begins with the beginning, so who dies in between leaves a text that begins right.
 *
 * @throws the system's error, also where it is not a file with such a text.
 */
export function writeOver(path: string, text: string, isSuch: (former: string) => boolean): void {
  pinned(dirname(path), { link: 'refused' }, (directory) => {
    const fd = openSync(join(directory, basename(path)), O_RDWR | SAFELY);
    try {
      if (!isSuch(textOf(fd))) throw new Error(`${path} is not what is to be written over`);
      ftruncateSync(fd, writeSync(fd, text, 0));
    } finally {
      closeQuietly(fd);
    }
  });
}

/** Never in a directory that a link in the place of theirs leads to, where it could replace somebody's file. */
function renameWithin(from: string, to: string): void {
  pinned(dirname(to), { link: 'refused' }, (directory) =>
    renameSync(join(directory, basename(from)), join(directory, basename(to))),
  );
}

/** The beginning of a small file, at most 8 KiB of it; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readCertainly(path);
  } catch {
    return undefined;
  }
}

/** What opening, or reading, says of a link, a directory, a socket. */
export const NO_FILE: readonly string[] = ['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO'];

/** The same; undefined only where no such file is. @throws the system's error: for who acts upon its absence. */
export function readCertainly(path: string): string | undefined {
  try {
    const fd = persistently(() => openSync(path, READ_SAFELY));
    try {
      return textOf(fd);
    } finally {
      closeQuietly(fd);
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', ...NO_FILE].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

function textOf(fd: number): string {
  const buffer = Buffer.alloc(MOST_TEXT);
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, MOST_TEXT, 0));
}

/** For what is nobody's but our own: that it is gone is all that counts, and litter is collected later. */
export function removeQuietly(path: string): void {
  try {
    persistently(() => removeFrom(path));
  } catch {
    // Gone, or left to those who collect litter.
  }
}

/**
 * The same for what others act upon, which is to be tried again. @throws the system's error.
 * @throws {AwayError} it was left in a directory that is away.
 */
export function removeLeft(path: string, home: Whereabouts | undefined): void {
  try {
    persistently(() => removeFrom(path));
  } catch (error) {
    refuseAway(home);
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  refuseOther(home);
}

/** Removes a claim directory that nobody is to see, by way of a name in the same directory that nobody else uses. */
export function removeDirectoryWhole(path: string, aside: string): void {
  try {
    persistently(() => renameWithin(path, aside));
  } catch {
    return; // gone, or left to those who collect litter
  }
  removeClaimDirectory(aside);
}

/** Takes a claim directory apart; what somebody put there besides stays, and the directory with it. */
export function removeClaimDirectory(path: string): void {
  removeQuietly(join(path, CLAIM_FILE));
  removeIfEmpty(path);
}
