import {
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { O_NOFOLLOW, READ_SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly, removeIfEmpty } from '../../storage/fs/quietly.ts';
import { outlastUse } from '../../storage/replace/index.ts';
import { CLAIM_FILE } from '../signature.ts';

const { O_WRONLY, O_CREAT, O_EXCL } = constants;
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

/** Makes a file with a text; a file that could not be written whole is removed again. */
export function writeNew(path: string, text: string, mode: number, durability: 'durable' | 'quick'): void {
  const fd = persistently(() => openSync(path, CREATE, mode));
  try {
    fchmodSync(fd, mode); // past the umask
    writeSync(fd, text);
    if (durability === 'durable') persistently(() => fsyncSync(fd));
  } catch (error) {
    removeQuietly(path);
    throw error;
  } finally {
    closeQuietly(fd);
  }
}

/** Writes a text under a name that nobody else uses, whole or not at all; readers never see a part of it. */
export function writeWhole(
  path: string,
  text: string,
  mode: number,
  unfinished: string,
  durability: 'durable' | 'quick' = 'quick',
): void {
  writeNew(unfinished, text, mode, durability);
  try {
    outlastUse(() => persistently(() => renameSync(unfinished, path)));
  } catch (error) {
    removeQuietly(unfinished);
    throw error;
  }
}

/** The beginning of a small file, at most 8 KiB of it; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    const fd = persistently(() => openSync(path, READ_SAFELY));
    try {
      const buffer = Buffer.alloc(MOST_TEXT);
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, MOST_TEXT, 0));
    } finally {
      closeQuietly(fd);
    }
  } catch {
    return undefined;
  }
}

/** For what is nobody's but our own: that it is gone is all that counts, and litter is collected later. */
export function removeQuietly(path: string): void {
  try {
    persistently(() => unlinkSync(path));
  } catch {
    // Gone, or left to those who collect litter.
  }
}

/** Takes a claim directory apart; what somebody put there besides stays, and the directory with it. */
export function removeClaimDirectory(path: string): void {
  removeQuietly(join(path, CLAIM_FILE));
  removeIfEmpty(path);
}
