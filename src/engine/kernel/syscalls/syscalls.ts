import type { Mode } from '../../engine.ts';

/** Memory that system calls read and write. Its address never changes, so it is resolved once. */
export interface NativeBuffer {
  readonly buffer: Buffer;
  readonly address: unknown;
}

/** What a descriptor points at, compared with what stands at the lock's path. */
export interface FileCheck {
  /** The path still leads to the very file the descriptor is open on: same device, same inode. */
  readonly same: boolean;
  readonly regular: boolean;
  readonly uid: number;
}

/**
 * The seam to the operating system: what Node.js does not offer, or offers only at several times the price.
 *
 * Calls that can fail return a negative `errno`; none of them ever waits for a lock.
 */
export interface Syscalls {
  /** Opens a lock file that exists, for reading and writing; follows no link. A descriptor, or a negative errno. */
  open(path: NativeBuffer): number;
  close(fd: number): void;
  /**
   * Takes the lock for a descriptor that has none, or (`none`) drops it. 0, or a negative errno: `EWOULDBLOCK` when
   * somebody else holds it.
   */
  lock(fd: number, mode: Mode | 'none'): number;
  /**
   * Makes an exclusive lock shared, with no instant in between in which it is free, or a shared one exclusive. 0, or a
   * negative errno: `EWOULDBLOCK` when somebody else holds it too, and then the descriptor has no lock any more.
   */
  convert(fd: number, to: Mode): number;
  /** Reads the file's first bytes; returns how many, or a negative errno. */
  read(fd: number, into: NativeBuffer): number;
  /** Writes at the file's start with one call; returns how many bytes, or a negative errno. */
  write(fd: number, from: NativeBuffer): number;
  check(fd: number, path: NativeBuffer): FileCheck;
  exists(path: NativeBuffer): boolean;
  /** Gives an open file without a name this one, if nothing stands there. 0, or a negative errno. Only on Linux. */
  readonly giveName?: (fd: number, path: string) => number;
  /** What opening or making a file or directory may fail with because another of its name is just being removed. */
  readonly passing: ReadonlySet<string>;
}

export const LOCK_SHARED = 1;
export const LOCK_EXCLUSIVE = 2;
export const LOCK_NONBLOCKING = 4;
export const LOCK_UNLOCK = 8;
