import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  promises,
  statSync,
  writeSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { isRoot } from '../../storage/fs/pinned.ts';
import { unlinkQuietly } from '../../storage/fs/quietly.ts';
import { step, type Work } from '../work.ts';
import { type Identity, identityOf } from './identity.ts';
import type { Folder } from './place.ts';

/** A text that is on the disk, under a name that nobody looks for yet. */
export interface Fresh {
  readonly path: string;
  readonly identity: Identity;
  /** Whether it has another owner or group than it was to have. */
  readonly isForeign: boolean;
}

/** Whose the file is to be, and who may do what with it. */
export interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const { O_WRONLY, O_CREAT, O_EXCL } = constants;
const PRIVATE = 0o600;
/** Bytes below which the calls are made on this thread: the hops to the pool would take longer than the calls. */
const SMALL = 64 * 1024;

/** Of a document that is new: its user's alone; made by root, of the owner of the directory. */
export function ownershipIn(folder: Folder): Ownership {
  const { uid, gid } = isRoot() ? statSync(folder.path) : { uid: -1, gid: -1 };
  return { mode: PRIVATE, uid, gid };
}

/**
 * Writes a text to a fresh file and syncs it: after its owner and mode were set, so that they are on the disk with it.
 *
 * @throws the system's error; the fresh file is removed then.
 */
export function* writeFresh(folder: Folder, name: string, text: string, owner: Ownership): Work<Fresh> {
  const path = folder.pathOf(name);
  const bytes = Buffer.from(text);
  if (bytes.length < SMALL) return writeNow(path, bytes, owner);
  return yield* step(
    () => writeNow(path, bytes, owner),
    () => writeLater(path, bytes, owner),
  );
}

const FLAGS = O_WRONLY | O_CREAT | O_EXCL | SAFELY;

function writeNow(path: string, bytes: Uint8Array, owner: Ownership): Fresh {
  const fd = openSync(path, FLAGS, PRIVATE);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    const isForeign = !own(fd, owner);
    fsyncSync(fd);
    return { path, identity: identityOf(fstatSync(fd, { bigint: true })), isForeign };
  } catch (error) {
    unlinkQuietly(path);
    throw error;
  } finally {
    closeSync(fd);
  }
}

async function writeLater(path: string, bytes: Uint8Array, owner: Ownership): Promise<Fresh> {
  const file = await promises.open(path, FLAGS, PRIVATE);
  try {
    await writeAll(file, bytes);
    const isForeign = !own(file.fd, owner);
    await file.sync();
    return { path, identity: identityOf(await file.stat({ bigint: true })), isForeign };
  } catch (error) {
    unlinkQuietly(path);
    throw error;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

/**
 * Gives the file its owner and mode, whatever the umask. The mode is set in any case; an owner that this user may not
 * give is left out, which is what it returns. Windows has neither.
 */
function own(fd: number, { mode, uid, gid }: Ownership): boolean {
  if (process.getuid === undefined) return true;
  const found = fstatSync(fd);
  const isOwn = (uid === -1 || uid === found.uid) && (gid === -1 || gid === found.gid);
  const isGiven = isOwn || give(fd, uid, gid) || (give(fd, -1, gid) && uid === found.uid);
  return chmod(fd, mode) && isGiven;
}

function chmod(fd: number, mode: number): boolean {
  try {
    fchmodSync(fd, mode);
    return true;
  } catch {
    return false; // a file system without modes; the file is its user's alone then
  }
}

function give(fd: number, uid: number, gid: number): boolean {
  try {
    fchownSync(fd, uid, gid);
    return true;
  } catch {
    return false; // not this user's to give, or a file system without owners
  }
}
