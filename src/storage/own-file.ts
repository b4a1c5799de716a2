import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { READ_SAFELY } from './fs/open-flags.ts';
import { isRoot, pinned } from './fs/pinned.ts';
import { statOrNothing } from './fs/stat.ts';
import { ABSENT } from './regular-file.ts';

/**
 * The content of a regular file that this user, or root, has written; undefined when there is no such file. A link, a
 * FIFO, a directory or another user's file in its place counts as none, and none of them is waited for. For root, a file
 * of the owner of its directory counts as well: there, root works for that user (see `PrivateFiles`).
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
  try {
    return pinned(dirname(path), { link: 'followed' }, (directory) => openIn(directory, basename(path)));
  } catch (error) {
    if (ABSENT.includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

function openIn(directory: string, name: string): number | undefined {
  const fd = openSync(join(directory, name), READ_SAFELY);
  const stats = fstatSync(fd);
  const user = process.getuid?.();
  const isOwn = user === undefined || stats.uid === user || stats.uid === 0;
  if (stats.isFile() && (isOwn || (isRoot() && statOrNothing(directory)?.uid === stats.uid))) return fd;
  closeSync(fd);
  return undefined;
}
