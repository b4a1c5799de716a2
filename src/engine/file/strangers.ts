import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { RefusedError } from '../../errors/lock-errors.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';

const SETGID = 0o2000;

/** Whom something belongs to. */
export interface Owners {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Refuses a file or directory at `request.path` that was planted by a stranger: in a directory all users can write to,
 * its owner must be this user, root, the owner of the directory or of the data, or somebody who may write the data as
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
export function isStranger({ uid, gid }: Owners, directory: Stats, data: Stats | undefined): boolean {
  if ((directory.mode & 0o002) === 0 || directory.uid === uid) return false;
  if (data === undefined) return true;
  if (data.uid === uid || (data.mode & 0o002) !== 0) return false;
  // Only who is in a group can give it a file, short of a directory elsewhere that does so for everybody.
  const provesGroup = (directory.mode & SETGID) === 0;
  return !((data.mode & 0o020) !== 0 && provesGroup && gid === data.gid);
}

/**
 * Makes nothing at `request.path` where those who own the data would refuse it as a stranger's: whoever may only read the
 * data would keep them from their lock.
 *
 * @param refusedBy the owner of the data, as `rightsOf` knows him. @param advice what helps, in words.
 * @throws {RefusedError}
 */
export function refuseToShutOut(request: LockRequest, refusedBy: number | undefined, advice?: string): void {
  if (refusedBy === undefined) return;
  const what =
    `would belong to user id ${process.geteuid?.()}, in a directory open to all users, and user id ${refusedBy}, who ` +
    `owns the data, would refuse it (${advice ?? 'who may only read the data cannot take this kind of lock here'})`;
  throw new RefusedError(request, what, 'it was not made');
}
