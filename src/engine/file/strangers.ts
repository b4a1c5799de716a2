import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { RefusedError } from '../../errors/lock-errors.ts';
import { STICKY } from '../../storage/fs/rights.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';

const SETGID = 0o2000;
/** Whoever can write such a directory, and may not replace what others have there. */
const OPEN = STICKY | 0o002;

/** Whom something belongs to. */
export interface Owners {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Refuses a file or directory at `request.path` that was planted by a stranger: in a directory open to all users, its
 * owner must be this user, root, the owner of the directory or of the data, or somebody who may write the data as
 * well, and so could do as much harm without it. Anywhere else, who can create files is trusted.
 *
 * @throws {RefusedError}
 */
export function refuseStrangersFile(request: LockRequest, found: Owners): void {
  const why = strangeness(request, found);
  if (why !== undefined) throw new RefusedError(request, why);
}

/** Whether this user's own, or root's, which is no stranger's anywhere. */
export function isTrusted(uid: number): boolean {
  return uid === 0 || process.getuid === undefined || uid === process.getuid();
}

/** What makes the owner of a file a stranger, in words; undefined when he is none. */
export function strangeness(
  { path, beside, access }: Pick<LockRequest, 'path' | 'beside' | 'access'>,
  found: Owners,
): string | undefined {
  const { uid } = found;
  if (isTrusted(uid) || access === 'everyone') return undefined;
  const directory = statOrNothing(dirname(path));
  const data = beside === undefined ? undefined : statOrNothing(beside);
  if (directory === undefined || !isStranger(found, directory, data)) return undefined;
  const whose = beside === undefined ? 'the directory' : 'the directory nor the data';
  const owner = data?.uid ?? directory.uid;
  return (
    `belongs to user id ${uid}, who owns neither ${whose}, in a directory open to all users ` +
    `(root can give it to user id ${owner})`
  );
}

/** Whether the owner of what lies in a directory is a stranger to the other users of some data. */
function isStranger(found: Owners, directory: Stats, data: Stats | undefined): boolean {
  return (directory.mode & OPEN) === OPEN && !isAtHome(found, directory, data);
}

/**
 * Whether the owner of what lies in a directory with the sticky bit keeps nobody from the lock of some data by it. Anybody else's
 * is refused as a stranger's where all users can write, and cannot be written by the owner of the data.
 */
export function isAtHome({ uid, gid }: Owners, directory: Stats, data: Stats | undefined): boolean {
  if (directory.uid === uid) return true;
  if (data === undefined) return false;
  if (data.uid === uid || (data.mode & 0o002) !== 0) return true;
  // Only who is in a group can give it a file, short of a directory elsewhere that does so for everybody.
  const provesGroup = (directory.mode & (SETGID | OPEN)) !== (SETGID | OPEN);
  return (data.mode & 0o020) !== 0 && provesGroup && gid === data.gid;
}

/**
 * Makes nothing at `request.path` where that would keep the owner of the data from the lock.
 *
 * @param refusedBy that owner, as `rightsOf` knows him. @param advice what helps, in words.
 * @throws {RefusedError}
 */
export function refuseToShutOut(
  request: LockRequest,
  refusedBy: number | undefined,
  advice: (owner: string) => string = () => 'locks of this kind need a directory of a group of both users',
): void {
  if (refusedBy === undefined) return;
  const owner = refusedBy === 0 ? 'root' : `user id ${refusedBy}`;
  const what =
    `would belong to user id ${process.geteuid?.()}, and keep ${owner}, who owns the data, from the lock, in a directory ` +
    `with the sticky bit (${advice(owner)})`;
  throw new RefusedError(request, what, 'it was not made');
}
