import { unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pinned } from '../../storage/fs/pinned.ts';

/**
 * Removes a file of this lock from a directory that Holdfast made. Root never removes one that a link in that directory's
 * place leads to. @throws the system's error.
 */
export function removeFrom(path: string): void {
  pinned(dirname(path), { link: 'refused' }, (directory) => unlinkSync(join(directory, basename(path))));
}

/** The same for who goes on in any case. */
export function removeEntry(path: string): void {
  try {
    removeFrom(path);
  } catch {
    // Somebody else removed it, or may; either way it is not ours to insist.
  }
}
