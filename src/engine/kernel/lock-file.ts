import { constants, openSync } from 'node:fs';
import { constants as os } from 'node:os';
import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { RefusedError, UnsupportedError, UnwritableError } from '../../errors/lock-errors.ts';
import { READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { makeFile, makeHome, patiently } from '../file/make.ts';
import { rightsOf } from '../file/rights.ts';
import { refuseToShutOut } from '../file/strangers.ts';
import { unusable } from '../file/unusable.ts';
import { directoryInPlace, refuseReaders } from './rival.ts';
import { syscalls } from './syscalls/index.ts';

// O_CLOEXEC is added by libuv to every open.
const { O_RDWR } = constants;

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
  const open = () => openSync(request.path, O_RDWR | SAFELY);
  for (;;) {
    try {
      return { fd: patiently(request.path, open, () => rightsOf(request).file) };
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
  const { path } = request;
  refuseToShutOut(request, rightsOf(request).refusedBy, (owner) =>
    owner === 'root' ? 'lock it as root first' : `lock it as ${owner} or root first`,
  );
  refuseReaders(request);
  try {
    makeHome(request);
  } catch (error) {
    throw openFailure(request, systemCode(error) ?? 'EIO', error); // EEXIST: a link to nowhere is in its place
  }
  try {
    return makeFile(request, path, { giveName: syscalls().giveName });
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

function openFailure(request: LockRequest, code: string, cause: unknown): Error {
  switch (code) {
    case 'ELOOP':
      return new RefusedError(request, 'is, or leads through, a symbolic link');
    case 'EISDIR':
      return directoryInPlace(request);
    case 'ENXIO':
    case 'ENODEV':
      return new RefusedError(request, 'is a socket, FIFO or device');
    default:
      return unusable(request, code, cause);
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
  if (isExhaustion(name)) return unusable(request, name);
  return new UnsupportedError(request, `This file system gives no kernel lock (${name} from flock)`);
}

export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}
