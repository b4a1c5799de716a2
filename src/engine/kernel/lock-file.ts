import { constants, fchmodSync, fchownSync, openSync, type Stats } from 'node:fs';
import { constants as os } from 'node:os';
import { dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { ExhaustedError, RefusedError, UnsupportedError, UnwritableError } from '../../errors/lock-errors.ts';
import { makeDirectory } from '../../storage/directory.ts';
import { READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { lstatOrNothing, statOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { directoryInPlace, refuseReaders } from './rival.ts';

// O_CLOEXEC is added by libuv to every open.
const { O_RDWR, O_CREAT, O_EXCL } = constants;

export interface OpenedFile {
  readonly fd: number;
  /** Set when the file could only be opened for reading: why. */
  readonly readOnly?: string;
}

/**
 * Opens the lock file of a request, and makes it, with its parents, when it is missing. Never follows a link, never
 * waits on a FIFO, never truncates.
 *
 * @throws {RefusedError} something else stands in its place. @throws {UnwritableError} it can be neither opened nor made.
 * @throws {ExhaustedError} no descriptors are left.
 */
export function openLockFile(request: LockRequest): OpenedFile {
  for (;;) {
    try {
      return { fd: openSync(request.path, O_RDWR | SAFELY) };
    } catch (error) {
      const code = systemCode(error) ?? 'EIO';
      if (code === 'ENOENT') {
        const fd = createLockFile(request);
        if (fd !== undefined) return { fd };
      } else if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
        return openReadOnly(request, code, error);
      } else {
        throw openFailure(request, code, error);
      }
    }
  }
}

/** Whoever cannot write the file can still lock it: locking needs a descriptor, not write access. */
function openReadOnly(request: LockRequest, readOnly: string, original: unknown): OpenedFile {
  try {
    return { fd: openSync(request.path, READ_SAFELY), readOnly };
  } catch (error) {
    const code = systemCode(error);
    // Refused for reading as well, or a directory refused the creation that the first open stood for.
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT') {
      const isThere = lstatOrNothing(request.path) !== undefined;
      if (isThere) throw UnwritableError.ofFile(request, readOnly, original);
      throw new UnwritableError(request, readOnly, original);
    }
    throw openFailure(request, code ?? 'EIO', error);
  }
}

/** Undefined when somebody else made the file first, or removed the directory meanwhile: open again. */
function createLockFile(request: LockRequest): number | undefined {
  const { path, beside, access } = request;
  const open = access === 'everyone';
  refuseReaders(request);
  try {
    if (beside !== undefined) makeDirectory(dirname(path), 0o777);
    else makeDirectory(dirname(path), open ? 0o1777 : 0o700);
  } catch (error) {
    throw openFailure(request, systemCode(error) ?? 'EIO', error); // EEXIST: a link to nowhere is in its place
  }
  try {
    const mode = beside !== undefined || open ? 0o666 : 0o600;
    const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | SAFELY, mode);
    const data = beside === undefined ? undefined : statOrNothing(beside);
    if (data !== undefined) adoptPermissions(fd, data);
    else if (beside === undefined && open) fchmodSync(fd, mode); // past the umask
    return fd;
  } catch (error) {
    const code = systemCode(error) ?? 'EIO';
    if (code === 'EEXIST' || code === 'ENOENT') {
      if (lstatOrNothing(request.path)?.isSymbolicLink())
        throw new RefusedError(request, 'is a symbolic link');
      if (code === 'EEXIST') return undefined;
    }
    throw openFailure(request, code, error);
  }
}

/** Whoever may open the data may lock it: the lock file gets the data's mode and, made by root, its owner. */
function adoptPermissions(fd: number, data: Stats): void {
  try {
    fchmodSync(fd, (data.mode & 0o666) | 0o600);
    if (process.getuid?.() === 0) fchownSync(fd, data.uid, data.gid);
  } catch {
    // A file system without owners or modes: what it gives everybody is what there is.
  }
}

function openFailure(request: LockRequest, code: string, cause: unknown): Error {
  if (isExhaustion(code)) return new ExhaustedError(request, code, cause);
  switch (code) {
    case 'ELOOP':
      return new RefusedError(request, 'is, or leads through, a symbolic link');
    case 'EISDIR':
      return directoryInPlace(request);
    case 'ENXIO':
    case 'ENODEV':
      return new RefusedError(request, 'is a socket, FIFO or device');
    default:
      return new UnwritableError(request, code, cause);
  }
}

/**
 * Looks before the first open of a path: opening a FIFO or a device can disturb whoever is at its other end.
 *
 * @throws {RefusedError} naming what stands there.
 */
export function refuseOtherKinds(request: LockRequest): void {
  const stats = lstatOrNothing(request.path);
  if (stats === undefined || stats.isFile()) return; // where one may not look, the open that follows says why
  if (stats.isDirectory()) throw directoryInPlace(request);
  const kinds: [boolean, string][] = [
    [stats.isSymbolicLink(), 'is a symbolic link'],
    [stats.isFIFO(), 'is a FIFO'],
    [stats.isSocket(), 'is a socket'],
  ];
  throw new RefusedError(request, kinds.find(([is]) => is)?.[1] ?? 'is a device');
}

const ERRNO_NAMES = new Map(Object.entries(os.errno).map(([name, number]) => [number, name]));

/** A failed lock call as an error a person can act on; busy is none. */
export function lockFailure(request: LockRequest, errno: number): Error {
  const name = ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
  if (name === 'ENOMEM') return new ExhaustedError(request, name);
  return new UnsupportedError(request, `This file system gives no kernel lock (${name} from flock)`);
}

export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}
