import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessFacts } from './system.ts';

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** The fields of /proc/PID/stat after the command, which may itself hold spaces and parentheses (proc(5)). */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

export const linux: ProcessFacts = {
  bootId: () => read('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
  pidNamespace: () => {
    try {
      return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
    } catch {
      return undefined;
    }
  },
  // Field 22 of stat(5), in clock ticks since boot; the slice above starts at field 3.
  startTime: (pid) => statFields(pid)?.[19],
  isStopped: (pid) => {
    const state = statFields(pid)?.[0];
    return state === undefined ? undefined : state === 'T' || state === 't';
  },
  commandOf: (pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).join(' ');
      return line === '' ? read(`/proc/${pid}/comm`)?.trim() : line;
    } catch {
      return undefined;
    }
  },
};
