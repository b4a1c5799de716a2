import { existsSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { systemCode } from '../../../errors/base.ts';
import type { Mode } from '../../engine.ts';
import { native } from './native.ts';
import { checkWithNode, errnoOf, GONE, nodeDescriptors, pathOf } from './posix.ts';
import type { FileCheck, Syscalls } from './syscalls.ts';

const LOCKFILE_FAIL_IMMEDIATELY = 1;
const LOCKFILE_EXCLUSIVE_LOCK = 2;
const ERROR_LOCK_VIOLATION = 33;
const ERROR_IO_PENDING = 997;

/** The locked byte lies far beyond the end of any file, because Windows forbids others to read a locked range. */
const LOCKED_BYTE = {
  Internal: 0,
  InternalHigh: 0,
  Offset: 0xffff_fffe,
  OffsetHigh: 0x7fff_ffff,
  hEvent: null,
};

/** A file that was removed keeps its name for as long as anybody has it open, and refuses to be opened. */
const PASSING = new Set(['ENOENT', 'EPERM', 'EACCES', 'EBUSY']);

function checked(fd: number, path: string): FileCheck {
  try {
    return checkWithNode(fd, path);
  } catch (error) {
    if (PASSING.has(systemCode(error) ?? '')) return GONE;
    throw error;
  }
}

/** LockFileEx behind the same seam. Node's descriptors become handles through libuv, whose symbols node.exe exports. */
export function windowsSyscalls(): Syscalls {
  const koffi = native();
  const kernel32 = koffi.load('kernel32.dll');
  const node = koffi.load(process.execPath);
  koffi.struct('HOLDFAST_OVERLAPPED', {
    Internal: 'uintptr_t',
    InternalHigh: 'uintptr_t',
    Offset: 'uint32_t',
    OffsetHigh: 'uint32_t',
    hEvent: 'void *',
  });
  const handleOf = node.func('intptr_t uv_get_osfhandle(int fd)');
  const lockFileEx = kernel32.func(
    'int __stdcall LockFileEx(intptr_t file, uint32_t flags, uint32_t reserved, uint32_t low, uint32_t high, _Inout_ HOLDFAST_OVERLAPPED *at)',
  );
  const unlockFileEx = kernel32.func(
    'int __stdcall UnlockFileEx(intptr_t file, uint32_t reserved, uint32_t low, uint32_t high, _Inout_ HOLDFAST_OVERLAPPED *at)',
  );
  const getLastError = kernel32.func('uint32_t __stdcall GetLastError()');

  function failure(): number {
    const error = getLastError();
    const busy = error === ERROR_LOCK_VIOLATION || error === ERROR_IO_PENDING;
    return busy ? -constants.errno.EWOULDBLOCK : -constants.errno.EIO;
  }

  function take(fd: number, mode: Mode): number {
    const flags = LOCKFILE_FAIL_IMMEDIATELY | (mode === 'exclusive' ? LOCKFILE_EXCLUSIVE_LOCK : 0);
    return lockFileEx(handleOf(fd), flags, 0, 1, 0, { ...LOCKED_BYTE }) !== 0 ? 0 : failure();
  }

  function drop(fd: number): number {
    return unlockFileEx(handleOf(fd), 0, 1, 0, { ...LOCKED_BYTE }) !== 0 ? 0 : failure();
  }

  return {
    ...nodeDescriptors,
    lock: (fd, mode) => (mode === 'none' ? drop(fd) : take(fd, mode)),
    convert(fd, to) {
      // A handle may lock shared what it has locked exclusively, has both then, and drops the exclusive one first.
      if (to === 'shared') return take(fd, 'shared') || drop(fd);
      drop(fd); // a handle that has a shared lock is in its own way
      return take(fd, 'exclusive');
    },
    read: (fd, into) => errnoOf(() => readSync(fd, into.buffer, 0, into.buffer.length, 0)),
    write: (fd, from) => errnoOf(() => writeSync(fd, from.buffer, 0, from.buffer.length, 0)),
    check: (fd, path) => checked(fd, pathOf(path)),
    exists: (path) => existsSync(pathOf(path)),
    passing: PASSING,
  };
}
