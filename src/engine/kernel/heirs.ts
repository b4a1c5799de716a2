import { type BigIntStats, fstatSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { processFacts } from '../../identity/index.ts';
import { nestedPath } from '../nested.ts';

/**
 * The processes that carry the lock of a file: those that have inherited the descriptor it was taken with. The kernel
 * lists a lock with each descriptor that leads to the very open file that has it (fdinfo in proc(5)), so that others who
 * have the file open, to wait for it, are told apart. Undefined where the system does not say; and left out are processes
 * that this user may not look at.
 */
export function carriersOf(lock: BigIntStats): number[] | undefined {
  const pids = processFacts.processIds();
  return pids.length === 0 ? undefined : pids.filter((pid) => carries(pid, lock));
}

/** The same by path, with those of the locks nested in it. */
export function carriers(path: string): number[] {
  const lock = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (lock === undefined) return [];
  return [...new Set([...(carriersOf(lock) ?? []), ...carriers(nestedPath(path))])];
}

/** Those who were found last for a lock, by device and inode. */
const found = new Map<string, readonly number[]>();

/**
 * Some of those who carry a lock, for looks that may come often. Looking through all processes takes a while, so those who
 * were found last are asked first, and others only when none of these carries the lock any more.
 */
export function someCarriersOf(lock: BigIntStats): readonly number[] {
  const key = `${lock.dev}:${lock.ino}`;
  const left = (found.get(key) ?? []).filter((pid) => carries(pid, lock));
  const carriers = left.length > 0 ? left : (carriersOf(lock) ?? []);
  if (carriers.length > 0) found.set(key, carriers);
  else found.delete(key);
  return carriers;
}

function carries(pid: number, { dev, ino }: BigIntStats): boolean {
  return listOf(`/proc/${pid}/fd`).some((fd) => {
    try {
      const found = statSync(`/proc/${pid}/fd/${fd}`, { bigint: true });
      if (found.dev !== dev || found.ino !== ino) return false;
      return /^lock:.* FLOCK /m.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'));
    } catch {
      return false; // closed or ended meanwhile
    }
  });
}

function listOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Whether others than this process carry the lock of a descriptor, for all that is known. */
export function hasHeirs(fd: number): boolean {
  const carriers = carriersOf(fstatSync(fd, { bigint: true }));
  return carriers === undefined || carriers.some((pid) => pid !== process.pid);
}
