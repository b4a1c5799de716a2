import { fstatSync, lstatSync } from 'node:fs';
import { constants } from 'node:os';
import { systemCode } from '../../../errors/base.ts';
import { native } from './native.ts';
import {
  type FileCheck,
  LOCK_EXCLUSIVE,
  LOCK_NONBLOCKING,
  LOCK_SHARED,
  LOCK_UNLOCK,
  type NativeBuffer,
  type Syscalls,
} from './syscalls.ts';

/** What flock(2) is asked for. */
const OPERATIONS = {
  exclusive: LOCK_EXCLUSIVE | LOCK_NONBLOCKING,
  shared: LOCK_SHARED | LOCK_NONBLOCKING,
  none: LOCK_UNLOCK,
};

const GONE: FileCheck = { same: false, regular: true, uid: -1 };

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

/** The path inside a NUL-terminated buffer. */
export function pathOf(path: NativeBuffer): string {
  return path.buffer.toString('utf8', 0, path.buffer.length - 1);
}

/** flock(2), pread(2) and pwrite(2), the same on every POSIX system. */
export function posixSyscalls(check: Syscalls['check']): Syscalls {
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
    lock: (fd, mode) => settled(flock(fd, OPERATIONS[mode]), () => calls.lock(fd, mode)),
    read: (fd, into) => settled(pread(fd, into.address, into.buffer.length, 0), () => calls.read(fd, into)),
    write: (fd, from) =>
      settled(pwrite(fd, from.address, from.buffer.length, 0), () => calls.write(fd, from)),
    check,
    exists: (path) => access(path.address, 0) === 0,
  };
  return calls;
}
