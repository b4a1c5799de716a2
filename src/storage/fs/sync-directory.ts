import { fsyncSync, openSync, promises } from 'node:fs'; // not node:fs/promises, which takes a millisecond to load
import { systemCode } from '../../errors/base.ts';
import { closeQuietly } from './quietly.ts';

/** What systems and file systems answer that keep the order of directory entries themselves. */
const NOT_FOR_DIRECTORIES = ['EINVAL', 'EISDIR', 'EPERM', 'EACCES', 'ENOTSUP', 'ENOSYS'];

/** Puts the names in a directory on the disk, where the system has a way to. @throws what the disk says. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await promises.open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    passOver(error);
  }
}

/** The same on this very thread. @throws the system's error, also where it syncs no directories. */
export function fsyncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeQuietly(fd);
  }
}

/** The same, but for systems that sync no directories. @throws what the disk says. */
export function syncDirectorySync(path: string): void {
  try {
    fsyncDirectory(path);
  } catch (error) {
    passOver(error);
  }
}

/** The same for who goes on in any case. */
export function syncDirectoryQuietly(path: string): void {
  try {
    fsyncDirectory(path);
  } catch {
    // Not on Windows and some file systems, which keep entries in order themselves; or a failing disk.
  }
}

/** An error of a sync counts unless the system syncs no directories. @throws that error. */
export function passOver(error: unknown): void {
  if (!NOT_FOR_DIRECTORIES.includes(systemCode(error) ?? '')) throw error;
}
