import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  fsyncSync,
  openSync,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { step, type Work } from '../../lock/work.ts';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { isRoot } from '../../storage/fs/pinned.ts';
import { unlinkQuietly } from '../../storage/fs/quietly.ts';
import { type Identity, identityOf } from './identity.ts';
import type { Folder } from './place.ts';
import { encoded, SMALL } from './version.ts';

/** A text that is on the disk, under a name that nobody looks for yet. */
export interface Fresh {
  readonly path: string;
  /** But for its ctime, which owner, mode and rename change. */
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
const RIGHTS = 0o7777;

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
  const isSmall = Buffer.byteLength(text) <= SMALL; // on this thread: the hops to the pool would take longer than the calls
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | SAFELY, PRIVATE);
  let isBeside = false;
  const beside = (call: Promise<void>) => {
    isBeside = true;
    return call.finally(() => {
      isBeside = false;
    });
  };
  try {
    const writeNow = () => writeAll(fd, encoded(text));
    yield* step(writeNow, async () => (isSmall ? writeNow() : beside(writeLater(fd, Buffer.from(text)))));
    const stats = fstatSync(fd, { bigint: true });
    const isForeign = !own(fd, stats, owner);
    const syncNow = () => fsyncSync(fd);
    yield* step(syncNow, async () => (isSmall ? syncNow() : beside(syncLater(fd))));
    return { path, identity: identityOf(stats), isForeign };
  } catch (error) {
    unlinkQuietly(path);
    throw error;
  } finally {
    if (!isBeside) closeSync(fd); // at an exit: its number must not become that of another file under that call
  }
}

/** Each byte at its place, also where it was written before. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
}

async function writeLater(fd: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await writeSome(fd, bytes, at, bytes.length - at, at)).bytesWritten;
  }
}

const writeSome = promisify(write);
const syncLater = promisify(fsync);

/**
 * Gives the file its owner and mode, whatever the umask. The mode is set in any case; an owner that this user may not
 * give is left out, which is what it returns. Windows has neither.
 */
function own(fd: number, found: BigIntStats, { mode, uid, gid }: Ownership): boolean {
  if (process.getuid === undefined) return true;
  const isUser = uid === -1 || uid === Number(found.uid);
  const isOwn = isUser && (gid === -1 || gid === Number(found.gid));
  const isGiven =
    isOwn || isTaken(() => fchownSync(fd, uid, gid)) || (isTaken(() => fchownSync(fd, -1, gid)) && isUser);
  return (
    ((isOwn && (Number(found.mode) & RIGHTS) === mode) || isTaken(() => fchmodSync(fd, mode))) && isGiven
  );
}

/** Not where it is not this user's to give, or the file system has no owners, or no modes: the file is its user's alone then. */
function isTaken(change: () => void): boolean {
  try {
    change();
    return true;
  } catch {
    return false;
  }
}
