import { type BigIntStats, readFileSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import type { Mode } from '../engine.ts';

/** One flock as the kernel lists it. `pid` is the process that took it, which need not be the one that holds it now. */
export interface KernelLock {
  readonly pid: number;
  readonly mode: Mode;
}

// 12: FLOCK  ADVISORY  WRITE 4711 fe:00:1234567 0 EOF   (proc_locks(5); `->` lines are blocked waiters)
const LINE = /^\d+: FLOCK +\S+ +(READ|WRITE) +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /;

/**
 * The flocks on a file. Empty where the kernel does not list them: other platforms, other pid namespaces, btrfs.
 *
 * A long list is read in several pieces. When locks come and go meanwhile, a line can be missed, or met twice.
 *
 * @throws the system's error where descriptors or memory are used up, which says nothing about the locks.
 */
export function kernelLocks(stats: BigIntStats): KernelLock[] {
  let table: string;
  try {
    table = readFileSync('/proc/locks', 'latin1');
  } catch (error) {
    if (isExhaustion(systemCode(error) ?? '')) throw error;
    return [];
  }
  const locks: KernelLock[] = [];
  for (const line of table.split('\n')) {
    const [, kind, pid, major, minor, inode] = LINE.exec(line) ?? [];
    if (inode === undefined || BigInt(inode) !== stats.ino) continue;
    if (deviceOf(major, minor) !== stats.dev) continue;
    locks.push({ pid: Number(pid), mode: kind === 'WRITE' ? 'exclusive' : 'shared' });
  }
  const exclusive = locks.find(({ mode }) => mode === 'exclusive');
  return exclusive === undefined ? locks : [exclusive]; // which is alone, however often it was met
}

/** st_dev from its parts, as glibc's makedev(3) packs them. */
function deviceOf(major = '0', minor = '0'): bigint {
  const ma = BigInt(`0x${major}`);
  const mi = BigInt(`0x${minor}`);
  return (mi & 0xffn) | ((ma & 0xfffn) << 8n) | ((mi & ~0xffn) << 12n) | ((ma & ~0xfffn) << 32n);
}
