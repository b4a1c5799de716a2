import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import type { HolderRecord } from '../../identity/holder.ts';
import { here, processFacts, recordOf } from '../../identity/index.ts';
import type { Inspection, Mode, WaiterInfo } from '../engine.ts';
import { BLOCK_BYTES, readRecord } from './block.ts';
import { readEntries } from './entry.ts';
import { type KernelLock, kernelLocks } from './kernel-locks.ts';
import { readPermits } from './permit.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { Syscalls } from './syscalls/syscalls.ts';

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const FREE: Inspection = { state: 'free', holders: [], waiters: [], name: undefined };
const READS = 5;

/**
 * What can be seen of a lock without taking it: whether it is held, and by whom. Never throws for what it finds there;
 * a missing or unreadable file is a free lock without a name.
 */
export function inspect(path: string): Inspection {
  const fd = openForLooking(path);
  if (fd === undefined) return FREE;
  try {
    return inspectOpen(path, fd);
  } finally {
    closeSync(fd);
  }
}

/** A descriptor that can neither change nor block anything; undefined when there is no regular file to look at. */
export function openForLooking(path: string): number | undefined {
  try {
    return lstatSync(path).isFile() ? openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) : undefined;
  } catch {
    return undefined;
  }
}

/** The same through a descriptor that is open already, whose closing would look like a release to waiters. */
export function inspectOpen(path: string, fd: number): Inspection {
  const system = syscalls();
  const marks = [...readEntries(path, ['held']), ...readPermits(path)];
  const locks = kernelLocks(fstatSync(fd, { bigint: true }));
  const state = observedMode(locks) ?? probe(fd, system, marks.length > 0);
  const record = readBlock(fd, system, state === 'exclusive');
  const name = record.name ?? marks[0]?.name;
  const waiters = waitersOf(path);
  if (state === 'free') return { ...FREE, waiters, name };
  const recorded =
    state === 'shared'
      ? marks.map((mark) => mark.holder)
      : record.holder === undefined
        ? []
        : [record.holder];
  return { state, holders: withForeign(recorded, locks).map(withState), waiters, name };
}

/** A holder that is stopped is told as such: nobody else can know why it takes so long. */
function withState(record: HolderRecord): HolderRecord {
  const { pid, pidNamespace } = record;
  const known = pid !== undefined && pidNamespace === here().pidNamespace;
  return known && processFacts.isStopped(pid) === true ? { ...record, stopped: true } : record;
}

function waitersOf(path: string): WaiterInfo[] {
  const now = process.hrtime.bigint();
  return readEntries(path, ['exclusive', 'shared', 'upgrade']).map(({ entry, holder }) => ({
    mode: entry.kind === 'shared' ? 'shared' : 'exclusive',
    record: holder,
    waited: Math.max(0, Number(now - entry.time) / 1e6),
  }));
}

function observedMode(locks: readonly KernelLock[]): Mode | undefined {
  if (locks.length === 0) return undefined;
  return locks.some((lock) => lock.mode === 'exclusive') ? 'exclusive' : 'shared';
}

/**
 * Asks the lock itself, where the system does not list it (another pid namespace, another platform). A shared try is
 * over at once; a contender that meets it in that instant tries again, because the record says that the lock is free.
 */
function probe(fd: number, system: Syscalls, marked: boolean): Inspection['state'] {
  if (system.lock(fd, 'shared') !== 0) return 'exclusive';
  system.lock(fd, 'none');
  return marked ? 'shared' : 'free';
}

/** Reads the record; a holder writes it some microseconds after it has the lock, so a free one is read again. */
function readBlock(fd: number, system: Syscalls, held: boolean): ReturnType<typeof readRecord> {
  const block = nativeBuffer(BLOCK_BYTES);
  let record: ReturnType<typeof readRecord> = {};
  for (let read = 0; read < READS; read++) {
    record = readRecord(block.buffer, system.read(fd, block));
    if (!held || record.holder !== undefined) break;
  }
  return record;
}

/** Adds the holders that left no record: programs that lock without Holdfast. */
function withForeign(recorded: readonly HolderRecord[], locks: readonly KernelLock[]): HolderRecord[] {
  const namespace = here().pidNamespace;
  const known = new Set(
    recorded.filter((record) => record.pidNamespace === namespace).map((record) => record.pid),
  );
  const anonymous = recorded.filter((record) => record.pid === undefined).length;
  const unknown = locks.filter((lock) => !known.has(lock.pid)).slice(anonymous);
  const foreign = unknown.map(({ pid }) => describeForeign(pid));
  if (foreign.length === 0) return [...recorded];
  // A lock that somebody else holds exclusively makes the record a relic of its predecessor.
  return locks.some((lock) => lock.mode === 'exclusive') ? foreign : [...recorded, ...foreign];
}

function describeForeign(pid: number): HolderRecord {
  const command = processFacts.commandOf(pid);
  return { ...recordOf(pid), foreign: true, ...(command === undefined ? {} : { command }) };
}
