import {
  chmodSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { Date } from '../../time/time.ts';
import { O_NOFOLLOW, READ_SAFELY } from './open-flags.ts';
import { DIRECTORY, isRoot, openByPathAlone, pathOfDescriptor, pinned } from './pinned.ts';
import { closeQuietly } from './quietly.ts';

/** To whom something belongs and who may do what with it. An owner or group that is undefined stays as it came. */
export interface Rights {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number;
}

const PERMISSIONS = 0o777;
/** In a directory with this bit, only its owner, a file's owner and root may remove or rename the file. */
export const STICKY = 0o1000;

/** Whether what was found has other rights than these, as far as this user could change that. */
export function differs(found: Stats, rights: Rights): boolean {
  if (process.geteuid === undefined) return false;
  if (isRoot() && rights.uid !== undefined && found.uid !== rights.uid) return true;
  if (rights.gid !== undefined && found.gid !== rights.gid) return true;
  return ((found.mode ^ rights.mode) & (PERMISSIONS | STICKY)) !== 0;
}

/**
 * Gives an open file or directory these rights, whatever the umask was that it was made under: first the group, then, as
 * root, the owner, then the mode, each though another was refused. A group that this user is not in stays out: then the
 * group it came with gets no more than everybody.
 */
export function setRights(fd: number, { uid, gid, mode }: Rights, found = fstatSync(fd)): void {
  if (process.geteuid === undefined) return;
  const owner = isRoot() && uid !== undefined ? uid : found.uid;
  const group = gid ?? found.gid;
  let isInGroup = true;
  if (owner !== found.uid || group !== found.gid) {
    isInGroup = quietly(() => fchownSync(fd, owner, group));
  }
  quietly(() => fchmodSync(fd, isInGroup ? mode : withoutGroup(mode)));
}

function withoutGroup(mode: number): number {
  return (mode & ~0o2070) | ((mode & 0o007) << 3);
}

/** A file system without owners or modes: what it gives everybody is what there is. */
function quietly(change: () => void): boolean {
  try {
    change();
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds. */
const FRESH = 2000;

/**
 * Finishes a directory that this user has just made: gives it its rights through a descriptor of that very directory.
 * One that is another user's, or a link by now, or neither new nor empty, is left as it is: somebody may have put another
 * directory in its place.
 */
export function completeDirectory(
  path: string,
  parentLink: 'followed' | 'refused',
  rightsIn: (parent: string) => Rights,
): void {
  try {
    pinned(dirname(path), { link: parentLink }, (parent) => {
      const fd = openOwn(join(parent, basename(path)), DIRECTORY, 0o700); // the umask may have taken its owner's rights
      try {
        const found = fstatSync(fd);
        const isNew = isEmpty(fd, path) || Date.now() - found.birthtimeMs < FRESH;
        if (found.uid === process.geteuid?.() && isNew) setRights(fd, rightsIn(parent), found);
      } finally {
        closeQuietly(fd);
      }
    });
  } catch {
    // Gone, or no longer what was made.
  }
}

/**
 * Finishes a file that this call has open and made at a path: gives it a mode, whatever the umask, and the group of its
 * directory, and, made by root, the directory's owner, who could not go on with it otherwise. Root gives away only a file
 * whose one name is in that directory: another one has been put in the place of the directory, or of the file, meanwhile.
 */
export function completeFile(fd: number, path: string, mode: number): void {
  if (process.geteuid === undefined) fchmodSync(fd, mode);
  const found = fstatSync(fd);
  let rights: Rights = { uid: undefined, gid: undefined, mode };
  quietly(() =>
    pinned(dirname(path), { link: 'followed' }, (directory) => {
      const { dev, ino, nlink } = lstatSync(join(directory, basename(path)));
      const { uid, gid } = statSync(directory);
      if (dev === found.dev && ino === found.ino && nlink === 1) rights = { uid, gid, mode };
    }),
  );
  setRights(fd, rights, found);
}

/**
 * Gives a file of this user's own a mode, also one that took every right from its owner. What is a link by now, or somebody
 * else's, is left as it is.
 */
export function setModeOfOwn(path: string, mode: number): void {
  quietly(() => {
    const fd = openOwn(path, READ_SAFELY, 0o400);
    try {
      if (fstatSync(fd).uid === (process.geteuid?.() ?? 0)) fchmodSync(fd, mode);
    } finally {
      closeQuietly(fd);
    }
  });
}

/** Lets this user change what is in a directory of its own, as `setModeOfOwn` does for a file. */
export function openUpOwn(path: string): void {
  quietly(() => {
    const fd = openOwn(path, DIRECTORY, 0o700);
    try {
      const { uid, mode } = fstatSync(fd);
      if (uid === process.geteuid?.() && (mode & 0o700) !== 0o700) fchmodSync(fd, mode | 0o700);
    } finally {
      closeQuietly(fd);
    }
  });
}

/** Opens what is at a path, with these rights where its owner has none, and follows no link. */
function openOwn(path: string, flags: number, rights: number): number {
  try {
    return openSync(path, flags | O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error;
    const fd = openByPathAlone(path);
    try {
      const same = pathOfDescriptor(fd);
      if (same === undefined || fstatSync(fd).uid !== process.geteuid?.()) throw error;
      chmodSync(same, rights);
      return openSync(same, flags & ~O_NOFOLLOW);
    } finally {
      closeQuietly(fd);
    }
  }
}

function isEmpty(fd: number, path: string): boolean {
  return readdirSync(pathOfDescriptor(fd) ?? path).length === 0;
}
