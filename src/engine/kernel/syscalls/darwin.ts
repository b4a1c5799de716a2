import { checkWithNode, pathOf, posixSyscalls } from './posix.ts';
import type { Syscalls } from './syscalls.ts';

export function darwinSyscalls(): Syscalls {
  return posixSyscalls({ check: (fd, path) => checkWithNode(fd, pathOf(path)), closeOnExec: 0x1000000 });
}
