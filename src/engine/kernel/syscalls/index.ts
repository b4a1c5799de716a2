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
