import { dirname } from 'node:path';
import { RefusedError } from '../../errors/lock-errors.ts';
import { unsafeDirectory } from '../../storage/directory.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { permitsDirectory } from './permits.ts';
import { refuseStrangersFile } from './strangers.ts';

/**
 * Looks at the directory of a lock on a name. A data file's directory is its owner's choice: who could tamper with the
 * lock there could tamper with the data as well. A lock that is nested under a permit lies among the lock's own parts,
 * which any of its users may have made: its directory is that of the lock.
 *
 * @throws {RefusedError} other users could swap lock files in it, or a stranger made that place for the permits.
 */
export function refuseUnsafeDirectory(request: LockRequest): void {
  if (request.beside !== undefined) return;
  const parts = permitsAround(request.path);
  const directory = dirname(parts ?? request.path);
  const problem = unsafeDirectory(directory);
  if (problem !== undefined) throw new RefusedError({ ...request, path: directory }, problem);
  const found = parts === undefined ? undefined : lstatOrNothing(parts);
  if (parts !== undefined && found !== undefined) refuseStrangersFile({ ...request, path: parts }, found);
}

/** The directory for the permits that a nested lock lies in; undefined for any other lock on a name. */
function permitsAround(path: string): string | undefined {
  const directory = dirname(path);
  return path.endsWith('.nested') && directory.endsWith(permitsDirectory('')) ? directory : undefined;
}
