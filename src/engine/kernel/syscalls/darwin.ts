import { checkWithNode, pathOf, posixSyscalls } from './posix.ts';
import type { Syscalls } from './syscalls.ts';

export function darwinSyscalls(): Syscalls {
  return posixSyscalls((fd, path) => checkWithNode(fd, pathOf(path)));
}
