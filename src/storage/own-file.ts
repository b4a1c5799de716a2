import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '../errors/base.ts';
import { READ_SAFELY } from './fs/open-flags.ts';
import { ABSENT } from './regular-file.ts';

/**
 * The content of a regular file that this user, or root, has written; undefined when there is no such file. A link, a
 * FIFO, a directory or another user's file in its place counts as none, and none of them is waited for.
 *
 * @throws the system's error for a file that is there and cannot be read: that is not the same as none.
 */
export function readOwnFile(path: string): Buffer | undefined {
  const fd = openOwnFile(path);
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = readSync(fd, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** A descriptor of such a file, to be closed by the caller. */
export function openOwnFile(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, READ_SAFELY);
  } catch (error) {
    if (ABSENT.includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  const stats = fstatSync(fd);
  const user = process.getuid?.();
  if (stats.isFile() && (user === undefined || stats.uid === user || stats.uid === 0)) return fd;
  closeSync(fd);
  return undefined;
}
