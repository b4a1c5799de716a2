import { constants as fs, fstatSync, lstatSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { systemCode } from '../../../errors/base.ts';
import { SAFELY } from '../../../storage/fs/open-flags.ts';
import { closeQuietly } from '../../../storage/fs/quietly.ts';
import { type Koffi, native } from './native.ts';
import {
  type FileCheck,
  LOCK_EXCLUSIVE,
  LOCK_NONBLOCKING,
  LOCK_SHARED,
  LOCK_UNLOCK,
  type NativeBuffer,
  type Syscalls,
} from './syscalls.ts';

const { O_RDWR } = fs;

/** What flock(2) is asked for. */
const OPERATIONS = {
  exclusive: LOCK_EXCLUSIVE | LOCK_NONBLOCKING,
  shared: LOCK_SHARED | LOCK_NONBLOCKING,
  none: LOCK_UNLOCK,
};

export const GONE: FileCheck = { same: false, regular: true, uid: -1 };

/** The portable comparison, for platforms whose `struct stat` Holdfast does not read itself. */
export function checkWithNode(fd: number, path: string): FileCheck {
  const held = fstatSync(fd, { bigint: true });
  try {
    const named = lstatSync(path, { bigint: true });
    const same = held.dev === named.dev && held.ino === named.ino;
    return { same, regular: held.isFile(), uid: Number(held.uid) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return GONE;
    throw error;
  }
}

type Descriptors = Pick<Syscalls, 'open' | 'close'>;

/** Two thirds of what Node's own calls cost. */
function descriptors(libc: Koffi.LibraryHandle, closeOnExec: number): Descriptors {
  const open = libc.func('int open(uintptr_t path, int flags)');
  const close = libc.func('int close(int fd)');
  const flags = O_RDWR | SAFELY | closeOnExec;
  return {
    open: (path) => {
      const fd = open(path.address, flags);
      return fd >= 0 ? fd : -native().errno();
    },
    close: (fd) => {
      close(fd);
    },
  };
}

/** For worker threads: Node.js closes what it opened when a worker is terminated, and the lock is free. */
export const nodeDescriptors: Descriptors = {
  open: (path) => errnoOf(() => openSync(pathOf(path), O_RDWR | SAFELY)),
  close: closeQuietly,
};

/** The result of a call to Node.js, or the negative errno of what it threw. */
export function errnoOf(call: () => number): number {
  try {
    return call();
  } catch (error) {
    const code = systemCode(error);
    return -(constants.errno[code as keyof typeof constants.errno] ?? constants.errno.EIO);
  }
}

/** The path inside a NUL-terminated buffer. */
export function pathOf(path: NativeBuffer): string {
  return path.buffer.toString('utf8', 0, path.buffer.length - 1);
}

/** What differs between POSIX systems. */
export interface PosixTraits {
  readonly check: Syscalls['check'];
  /** The value of O_CLOEXEC, which Node.js does not tell. */
  readonly closeOnExec: number;
}

/** flock(2), pread(2) and pwrite(2), the same on every POSIX system. */
export function posixSyscalls({ check, closeOnExec }: PosixTraits): Syscalls {
  const koffi = native();
  const libc = koffi.load(null);
  const flock = libc.func('int flock(int fd, int operation)');
  const pread = libc.func('intptr_t pread(int fd, uintptr_t buffer, size_t count, long offset)');
  const pwrite = libc.func('intptr_t pwrite(int fd, uintptr_t buffer, size_t count, long offset)');
  const access = libc.func('int access(uintptr_t path, int mode)');
  const { EINTR } = constants.errno;

  /** The result of a call, or its negative errno; an interrupted call is made again. */
  function settled(result: number, again: () => number): number {
    if (result >= 0) return result;
    const errno = koffi.errno();
    return errno === EINTR ? again() : -errno;
  }

  const calls: Syscalls = {
    ...(isMainThread ? descriptors(libc, closeOnExec) : nodeDescriptors),
    lock: (fd, mode) => settled(flock(fd, OPERATIONS[mode]), () => calls.lock(fd, mode)),
    convert: (fd, to) => calls.lock(fd, to), // the same call, which never lets an exclusive lock go for a shared one
    read: (fd, into) => settled(pread(fd, into.address, into.buffer.length, 0), () => calls.read(fd, into)),
    write: (fd, from) =>
      settled(pwrite(fd, from.address, from.buffer.length, 0), () => calls.write(fd, from)),
    check,
    exists: (path) => access(path.address, 0) === 0,
    passing: new Set(['ENOENT']),
  };
  return calls;
}
