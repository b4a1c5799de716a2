import { closeSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '../errors/base.ts';
import { READ_SAFELY } from './fs/open-flags.ts';

/** What looking at a path and opening it say where no regular file is that could be read: nothing, a link, a socket. */
export const ABSENT = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK', 'ENXIO'];

/**
 * Opens a regular file for reading; undefined when there is none. A link, FIFO, socket, device or directory in its place
 * counts as none, is not opened, because that can disturb whoever is at its other end, and is never waited for.
 *
 * @throws the system's error for a file that is, or may be, there and cannot be opened: that is not the same as none.
 */
export function openRegularFile(path: string): number | undefined {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
    const fd = openSync(path, READ_SAFELY);
    if (fstatSync(fd).isFile()) return fd; // it may have been exchanged since
    closeSync(fd);
    return undefined;
  } catch (error) {
    if (ABSENT.includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** At most so many bytes from the beginning of a regular file, as text; empty when there is none. Throws as above. */
export function readBeginning(path: string, most: number): string {
  const fd = openRegularFile(path);
  if (fd === undefined) return '';
  try {
    const buffer = Buffer.alloc(most);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, most, 0));
  } finally {
    closeSync(fd);
  }
}
