import { getSystemErrorName } from 'node:util';
import type { Koffi } from '../../binding/index.ts';

/** What Node.js has no call for. Both throw the system's error. */
export interface Exchange {
  /** Exchanges two files. Returns where the one from `path` lies now. */
  swap(fresh: string, path: string): string;
  /** Renames to a name that must be free. */
  move?(fresh: string, path: string): void;
}

/** Throws what a call of the C library left in `errno`, in the shape of Node's own errors. */
export function throwErrno(koffi: typeof Koffi, syscall: string, path: string): never {
  const errno = -koffi.errno();
  const code = getSystemErrorName(errno);
  throw Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, errno, syscall, path });
}
