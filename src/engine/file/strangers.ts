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
  if (isTrusted(uid)) return undefined;
  if (access === 'everyone') return undefined;
  const directory = statOrNothing(dirname(path));
  if (directory === undefined || (directory.mode & 0o002) === 0 || directory.uid === uid) return undefined;
  const data = beside === undefined ? undefined : statOrNothing(beside);
  if (data?.uid === uid) return undefined;
  if (data !== undefined && (data.mode & 0o002) !== 0) return undefined;
  // Only who is in a group can give it a file, short of a directory elsewhere that does so for everybody.
  const provesGroup = (directory.mode & SETGID) === 0;
  if (data !== undefined && (data.mode & 0o020) !== 0 && provesGroup && found.gid === data.gid)
    return undefined;
  const whose = beside === undefined ? 'the directory' : 'the directory nor the data';
  const owner = data?.uid ?? directory.uid;
  return (
    `belongs to user id ${uid}, who owns neither ${whose}, in a directory open to all users ` +
    `(root can give it to user id ${owner})`
  );
}
