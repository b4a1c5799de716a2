import { isMainThread } from 'node:worker_threads';
import { darwinSyscalls } from './darwin.ts';
import { linuxSyscalls } from './linux.ts';
import type { Syscalls } from './syscalls.ts';
import { windowsSyscalls } from './windows.ts';

const IMPLEMENTATIONS: Partial<Record<NodeJS.Platform, () => Syscalls>> = {
  linux: linuxSyscalls,
  darwin: darwinSyscalls,
  win32: windowsSyscalls,
};

let selected: Syscalls | undefined;

/**
 * The calls of this platform.
 *
 * @throws what the binding throws where it has no build for this platform; `Error` where Holdfast knows no lock.
 */
export function syscalls(): Syscalls {
  if (selected === undefined) {
    const implementation = IMPLEMENTATIONS[process.platform];
    if (implementation === undefined) throw new Error(`no kernel lock is known for ${process.platform}`);
    selected = implementation();
  }
  return selected;
}

/**
 * A worker that is terminated while a binary starts, or while its functions are declared, aborts the whole process, in
 * Node.js as in Bun: the binary's calls fail from then on, and its only answer to that is to abort. So in a worker all that is
 * done with the import of Holdfast, and whoever knows that the worker is past that, because it said so, may terminate it.
 */
function loadEarly(): void {
  try {
    syscalls();
  } catch {
    // Told to those who ask for a lock.
  }
}

if (!isMainThread) loadEarly();
