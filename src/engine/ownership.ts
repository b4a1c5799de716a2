import { dirname } from 'node:path';
import { RefusedError } from '../errors/lock-errors.ts';
import { unsafeDirectory } from '../storage/directory.ts';
import { statOrNothing } from '../storage/fs/stat.ts';
import type { LockRequest } from './engine.ts';

/**
 * Refuses a lock file planted by a stranger: in a directory all users can write to, its owner must be this user, root,
 * or the owner of the directory or of the data. Anywhere else, who can create files is trusted.
 *
 * @throws {RefusedError}
 */
export function refuseStrangersFile(request: LockRequest, uid: number): void {
  if (uid === 0 || process.getuid === undefined || uid === process.getuid()) return;
  if (request.access === 'everyone') return;
  const directory = dirname(request.path);
  const owners = [statOrNothing(directory)?.uid];
  if (request.beside !== undefined) owners.push(statOrNothing(request.beside)?.uid);
  if (owners.includes(uid) || !isWorldWritable(directory)) return;
  const whose = request.beside === undefined ? 'the directory' : 'the directory nor the data';
  throw new RefusedError(
    request,
    `belongs to user id ${uid}, who owns neither ${whose}, in a directory open to all users`,
  );
}

function isWorldWritable(directory: string): boolean {
  return ((statOrNothing(directory)?.mode ?? 0) & 0o002) !== 0;
}

/**
 * Looks at the directory of a lock on a name. A data file's directory is its owner's choice: who could tamper with the
 * lock there could tamper with the data as well.
 *
 * @throws {RefusedError} other users could swap lock files in it.
 */
export function refuseUnsafeDirectory(request: LockRequest): void {
  if (request.beside !== undefined) return;
  const directory = dirname(request.path);
  const problem = unsafeDirectory(directory);
  if (problem !== undefined) throw new RefusedError({ ...request, path: directory }, problem);
}
