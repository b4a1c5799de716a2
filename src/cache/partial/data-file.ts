import { constants, fstatSync, lstatSync, promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { here } from '../../identity/index.ts';
import { makeDirectory } from '../../storage/directory.ts';
import { READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { syncDirectory } from '../../storage/fs/sync-directory.ts';
import { ABSENT } from '../../storage/regular-file.ts';
import { type PartialState, standing, stateFile } from './state.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;

export function dataFile(directory: string): string {
  return join(directory, 'data');
}

/** Makes the directory; a link, or whatever else is in its place, goes. */
export async function ownDirectory(directory: string): Promise<void> {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() === false)
    await promises.unlink(directory);
  makeDirectory(directory, 'as its parent');
}

/** The data that a state is of, cut to what stands of it; undefined where that is nothing. */
export async function openData(
  directory: string,
  state: PartialState,
  window: number,
): Promise<{ readonly file: FileHandle; readonly offset: number } | undefined> {
  let file: FileHandle;
  try {
    file = await openToWrite(dataFile(directory));
  } catch (error) {
    if ([...ABSENT, 'EISDIR', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  const stats = fstatSync(file.fd);
  const isOwn = process.geteuid === undefined || stats.uid === process.geteuid();
  const offset =
    stats.isFile() && stats.nlink === 1 && isOwn ? standing(state, stats.size, here().boot, window) : 0;
  if (offset > 0) {
    await file.truncate(offset);
    return { file, offset };
  }
  await file.close();
  return undefined;
}

/** Also a file of one's own that was made read-only to be published, by a process that died before it was. */
async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await promises.open(path, O_RDWR | SAFELY);
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(systemCode(error) ?? '')) throw error; // EPERM is what Windows says
    const readable = await promises.open(path, READ_SAFELY);
    await readable.chmod(0o600).finally(() => readable.close());
    return promises.open(path, O_RDWR | SAFELY);
  }
}

/** The state goes first, and for good: it is of other bytes. */
export async function newData(directory: string): Promise<FileHandle> {
  const isNoted = lstatSync(stateFile(directory), { throwIfNoEntry: false }) !== undefined;
  await promises.rm(stateFile(directory), { recursive: true, force: true });
  if (isNoted) await syncDirectory(directory);
  await promises.rm(dataFile(directory), { recursive: true, force: true });
  return promises.open(dataFile(directory), O_RDWR | O_CREAT | O_EXCL | SAFELY, 0o600);
}
