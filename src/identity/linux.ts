import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isExhaustion } from '../binding/exhaustion.ts';
import type { ProcessFacts } from './system.ts';

let misses = 0;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isExhaustion(String((error as { code?: unknown }).code))) misses++;
    return undefined;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

// Where the fields of /proc/PID/stat lie behind the command (proc(5) counts from 1, and the command is its second).
const STATE = 0;
const PARENT = 1;
const GROUP = 2;
const THREADS = 17;
const START = 19; // in clock ticks since boot, as the reader's time namespace counts them

let ownProc: boolean | undefined;

/**
 * Whether /proc shows the processes of this pid namespace. After `unshare --pid` without a new mount it shows those of
 * the one outside, where a process id means another process.
 */
function isProcOurs(): boolean {
  ownProc ??= procSelf() === String(process.pid);
  return ownProc;
}

/** The ids of this process from the namespace of /proc inwards; a kernel without the line has only /proc/self. */
function procSelf(): string | undefined {
  return /^NSpid:\s*(.*)$/m.exec(read('/proc/self/status') ?? '')?.[1] ?? link('/proc/self');
}

/** The fields after the command, which may itself hold spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  const stat = isProcOurs() ? read(`/proc/${pid}/stat`) : undefined;
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function machineIdIn(path: string): string | undefined {
  return /^[0-9a-f]{32}$/m.exec(read(path) ?? '')?.[0]; // a machine that was not set up yet says `uninitialized`
}

export const linux: ProcessFacts = {
  misses: () => misses,
  bootId: () => read('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
  machineId: () => machineIdIn('/etc/machine-id') ?? machineIdIn('/var/lib/dbus/machine-id'),
  pidNamespace: () => link('/proc/self/ns/pid')?.replace(/\D/g, ''),
  timeNamespace: () => link('/proc/self/ns/time')?.replace(/\D/g, ''),
  startClock: 'boot',
  look: (pid) => {
    const fields = statFields(pid);
    const start = fields?.[START];
    if (start === undefined) return undefined;
    // A process whose first thread ended while others run on shows the same state, but is not over.
    return { start, isZombie: /^[ZXx]$/.test(fields?.[STATE] ?? '') && Number(fields?.[THREADS]) <= 1 };
  },
  isStopped: (pid) => {
    const state = statFields(pid)?.[STATE];
    return state === undefined ? undefined : state === 'T' || state === 't';
  },
  processIds: () =>
    isProcOurs()
      ? list('/proc')
          .filter((name) => /^\d+$/.test(name))
          .map(Number)
      : [],
  parentOf: (pid) => {
    const parent = statFields(pid)?.[PARENT];
    return parent === undefined ? undefined : Number(parent);
  },
  groupOf: (pid) => {
    const group = statFields(pid)?.[GROUP];
    return group === undefined ? undefined : Number(group);
  },
  innerId: (pid) => {
    const status = isProcOurs() ? read(`/proc/${pid}/status`) : undefined;
    const ids = /^NSpid:\s*(.*)$/m.exec(status ?? '')?.[1]?.split(/\s+/) ?? [];
    return ids.length > 1 ? Number(ids.at(-1)) : undefined;
  },
  commandOf: (pid) => {
    if (!isProcOurs()) return undefined;
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).join(' ');
      return line === '' ? read(`/proc/${pid}/comm`)?.trim() : line;
    } catch {
      return undefined;
    }
  },
};
