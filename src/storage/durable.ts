import { randomBytes } from 'node:crypto';
import { promises } from 'node:fs'; // not node:fs/promises, which takes a millisecond to load
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from './fs/sync-directory.ts';
import { replace } from './replace/index.ts';

const TEMPORARY = /^\.holdfast-\d+-[0-9a-f]{16}\.tmp$/;

/**
 * Replaces a file by new content, or makes it: others see the old content or the new one, never a part or a mixture, and
 * so does the next boot after a power loss. When it returns, the new content is on the disk. When it throws, the old
 * content is in place; only after an error of the very last step, the sync of the directory, it is the new one.
 *
 * Not guaranteed: an order between several writers. Hold a lock for that. `complete` gives the file its rights, before
 * anything is in it.
 *
 *  1. A fresh file in the same directory, whose name nobody else uses. Dying here or later leaves it behind, to be
 *     removed by `removeTemporaries`.
 *  2. Write and sync it: the content is on the disk before its name is.
 *  3. Rename it to the path, which is one step for everybody who looks.
 *  4. Sync the directory: the name is on the disk.
 *
 * @throws the system's error (`ENOSPC`, `EIO`, …); the temporary file is removed then.
 */
export async function writeDurably(
  path: string,
  content: Uint8Array | readonly Uint8Array[],
  mode = 0o600,
  complete: (fd: number, path: string) => void = () => {},
): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.holdfast-${process.pid}-${randomBytes(8).toString('hex')}.tmp`);
  try {
    await writeSynced(temporary, content, mode, complete);
    await replace(temporary, path);
  } catch (error) {
    await promises.unlink(temporary).catch(() => {});
    throw error;
  }
  await syncDirectory(directory);
}

/** Steps 1 and 2 for a caller that has a place of its own for the fresh file, on the same file system. Throws as above. */
export async function writeSynced(
  path: string,
  content: Uint8Array | readonly Uint8Array[],
  mode: number,
  complete: (fd: number, path: string) => void = () => {},
): Promise<void> {
  const file = await promises.open(path, 'wx', mode);
  try {
    complete(file.fd, path);
    for (const part of content instanceof Uint8Array ? [content] : content) await writeAll(file, part);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** At a position, or where the last write has ended. The system may take a part of what it is given. */
export async function writeAll(
  file: Pick<FileHandle, 'write'>,
  bytes: Uint8Array,
  position?: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const place = position === undefined ? null : position + at;
    at += (await file.write(bytes, at, bytes.length - at, place)).bytesWritten;
  }
}

/** Removes what writers that died have left in a directory. Only for who holds the lock that all its writers take. */
export async function removeTemporaries(directory: string): Promise<void> {
  const names = await promises.readdir(directory).catch(() => []);
  for (const name of names)
    if (TEMPORARY.test(name)) await promises.unlink(join(directory, name)).catch(() => {});
}
