import { randomBytes } from 'node:crypto';
import { constants, fstatSync, promises, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { systemCode } from '../../errors/base.ts';
import { here } from '../../identity/index.ts';
import { READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { isRoot } from '../../storage/fs/pinned.ts';
import { completeFile } from '../../storage/fs/rights.ts';
import { lstatOrNothing, statOrNothing } from '../../storage/fs/stat.ts';
import { syncDirectory } from '../../storage/fs/sync-directory.ts';
import { ABSENT } from '../../storage/regular-file.ts';
import { clearInside } from '../../storage/remove-inside.ts';
import { replaceSync } from '../../storage/replace/index.ts';
import { dataFile, type PartialState, standing, stateFile } from './state.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;
const READ_ONLY = ['EACCES', 'EPERM']; // the latter is what Windows says

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
    if ([...ABSENT, ...READ_ONLY, 'EISDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  const stats = await file.stat();
  const user = process.geteuid?.();
  const isOwn = user === undefined || stats.uid === user || (isRoot() && isOfOwner(stats, directory));
  const isOfState = stats.isFile() && stats.nlink === 1 && stats.ino === state.inode;
  const offset = isOfState && isOwn ? standing(state, stats.size, here().boot, window) : 0;
  if (offset > 0) {
    await file.truncate(offset);
    return { file, offset };
  }
  await file.close();
  return undefined;
}

/** Whether what is at a path is this very file. Who lost the lock finds there what the next holder has begun. */
export function isAt(path: string, fd: number): boolean {
  const there = lstatOrNothing(path);
  const own = fstatSync(fd);
  return there?.ino === own.ino && there.dev === own.dev;
}

/** What root makes in a directory of somebody else belongs to that user. */
function isOfOwner({ uid }: Stats, directory: string): boolean {
  return statOrNothing(directory)?.uid === uid;
}

/**
 * Also a file of one's own that is read-only: made so to be published, by a process that died before it was, or copied from
 * one. The mode of a file that has another name is somebody's: that one is opened to be read.
 */
export async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await promises.open(path, O_RDWR | SAFELY);
  } catch (error) {
    if (!READ_ONLY.includes(systemCode(error) ?? '')) throw error;
    const readable = await promises.open(path, READ_SAFELY);
    if ((await readable.stat()).nlink > 1) return readable;
    await readable.chmod(0o600).finally(() => readable.close());
    return promises.open(path, O_RDWR | SAFELY);
  }
}

/**
 * A new file in the place of what is there: the state S of other bytes, and the data D that may have them.
 *
 *  1. S is removed, then D, and a new file N is made at the name of D. Power is lost: S is there, or not, and D, N or nothing. S
 *     with D is what was there; N is still empty, and an empty file is gone on with from its beginning.
 *  2. Where there was S or D, the directory is synced, before N has a byte or a state: S never meets N, and the state of N never
 *     meets D, whose inode N may have got. Where there was neither, no name is to come back, unless P was killed within 1 before.
 */
export async function newData(directory: string): Promise<FileHandle> {
  const path = dataFile(directory);
  const isNew = [stateFile(directory), path].every((each) => lstatOrNothing(each) === undefined);
  clearInside(directory, stateFile(directory));
  const aside = `${path}.${randomBytes(8).toString('hex')}`; // Windows keeps the name of what somebody has open
  if (lstatOrNothing(path) !== undefined) replaceSync(path, aside);
  clearInside(directory, aside);
  const file = await promises.open(path, O_RDWR | O_CREAT | O_EXCL | SAFELY, 0o600);
  try {
    completeFile(file.fd, path, 0o600);
    if (!isNew) await syncDirectory(directory);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
