import { closeSync, fstatSync, lstatSync } from 'node:fs';
import type { HolderRecord } from '../../identity/holder.ts';
import { here, liveness, processFacts, recordOf } from '../../identity/index.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import type { Inspection, Mode, WaiterInfo } from '../engine.ts';
import { cannotLook } from '../file/cannot-look.ts';
import { ticketKinds } from '../file/line.ts';
import { machineClock } from '../file/machine-clock.ts';
import { nestedPath } from '../nested.ts';
import { BLOCK_BYTES, readRecord } from './block.ts';
import { readEntries } from './entry.ts';
import { someCarriersOf } from './heirs.ts';
import { type KernelLock, kernelLocks } from './kernel-locks.ts';
import { type Admission, admissionIn, BYTES_READ } from './nested.ts';
import { admittingSlots, readPermits } from './permit.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { Syscalls } from './syscalls/syscalls.ts';

const FREE: Inspection = { state: 'free', holders: [], waiters: [], name: undefined };
const READS = 5;
const LOOKS = 3;

/**
 * What can be seen of a lock without taking it: whether it is held, and by whom. A missing file is a free lock without a
 * name, and so is something that is no file, which nobody can lock. One that cannot be opened is held if the system lists
 * its lock, which takes no more than its name.
 *
 * @param whom `recorded`: holders that are known by a record, which is all that a look takes that only asks for the state.
 * @throws {UnwritableError | ExhaustedError} it cannot be opened, and nothing tells whether it is held.
 */
export function inspect(path: string, whom: 'all' | 'recorded' = 'all'): Inspection {
  let fd: number | undefined;
  try {
    fd = openRegularFile(path);
  } catch (error) {
    const seen = inspectClosed(path);
    if (seen === undefined) throw cannotLook(path, error);
    return seen;
  }
  if (fd === undefined) return FREE;
  try {
    return inspectOpen(path, fd, whom);
  } catch (error) {
    throw cannotLook(path, error);
  } finally {
    closeSync(fd);
  }
}

/** What the system tells of a lock whose file cannot be opened; undefined where it lists none, which proves nothing. */
export function inspectClosed(path: string): Inspection | undefined {
  const locks = listedFor(path);
  const state = observedMode(locks);
  if (state === undefined) return undefined;
  const holders = locks.map(({ pid }) => describeProcess(pid)).map(withState);
  return { state, holders, waiters: waitersOf(path), name: undefined };
}

function listedFor(path: string): KernelLock[] {
  try {
    return kernelLocks(lstatSync(path, { bigint: true }));
  } catch {
    return []; // gone, or in a directory that must not be searched
  }
}

/**
 * The same through a descriptor that is open already, whose closing would look like a release to waiters.
 *
 * What is listed and what is on record is not read in one moment. Whoever has no record may have let go of the lock
 * between the two, or got it just now: that is looked at again before it is called another program, or an heir.
 */
export function inspectOpen(path: string, fd: number, whom: 'all' | 'recorded'): Inspection {
  let seen = lookAt(path, fd, whom);
  for (let look = 1; look < LOOKS && whom === 'all' && seen.holders.some(isUnknown); look++)
    seen = lookAt(path, fd, whom);
  return seen;
}

function isUnknown({ pid, foreign, inherited }: HolderRecord): boolean {
  return foreign === true || (inherited === true && pid === undefined);
}

function lookAt(path: string, fd: number, whom: 'all' | 'recorded'): Inspection {
  const system = syscalls();
  const inSlots = admittingSlots(path).map((slot) => inspect(nestedPath(slot), whom));
  const marks = [
    ...readEntries(path, ['held']),
    ...readPermits(path),
    ...inSlots.flatMap(({ holders }) => asNested(holders).map((holder) => ({ holder, name: undefined }))),
  ];
  const locks = kernelLocks(fstatSync(fd, { bigint: true }));
  const state = observedMode(locks) ?? probe(fd, system, marks.length > 0);
  const record = readBlock(fd, system, state === 'exclusive');
  const nested = record.admission === 'none' ? FREE : inspect(nestedPath(path), whom);
  const name = record.name ?? marks[0]?.name;
  const inside = [nested, ...inSlots].flatMap(({ waiters }) => waiters);
  const waiters = [
    ...waitersOf(path),
    ...inside.map((waiter) => ({ ...waiter, record: { ...waiter.record, nested: true } })),
  ];
  if (state === 'free' && nested.state === 'free') return { ...FREE, waiters, name };
  const recorded =
    state === 'shared'
      ? marks.map((mark) => mark.holder)
      : record.holder === undefined
        ? []
        : [record.holder];
  const known = state === 'free' ? [] : withForeign(recorded, locks).map(withState);
  const holders = whom === 'all' ? withHeirs(known, fd) : known;
  return {
    state: state === 'free' ? nested.state : state,
    holders: [...holders, ...asNested(nested.holders)],
    waiters,
    name,
  };
}

function asNested(holders: readonly HolderRecord[]): HolderRecord[] {
  return holders.map((holder) => ({ ...holder, nested: true }));
}

/** Names also those who inherited a lock, where its holder and the command of that have ended. */
function withHeirs(holders: readonly HolderRecord[], fd: number): HolderRecord[] {
  const isGone = (record: HolderRecord) =>
    liveness(record) === 'dead' &&
    (record.child === undefined || liveness({ ...record, ...record.child }) === 'dead');
  if (!holders.some(isGone)) return [...holders];
  const known = new Set(holders.map(({ pid }) => pid));
  const heirs = someCarriersOf(fstatSync(fd, { bigint: true })).filter((pid) => !known.has(pid));
  return [...holders, ...heirs.map((pid) => ({ ...describeProcess(pid), inherited: true }))];
}

/** A holder that is stopped is told as such: nobody else can know why it takes so long. */
function withState(record: HolderRecord): HolderRecord {
  const { pid, pidNamespace } = record;
  const known = pid !== undefined && pidNamespace === here().pidNamespace;
  return known && processFacts.isStopped(pid) === true ? { ...record, stopped: true } : record;
}

function waitersOf(path: string): WaiterInfo[] {
  const now = machineClock();
  return readEntries(path, ticketKinds).map(({ entry, holder }) => ({
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
function readBlock(
  fd: number,
  system: Syscalls,
  held: boolean,
): ReturnType<typeof readRecord> & { readonly admission: Admission } {
  const block = nativeBuffer(BYTES_READ);
  let record: ReturnType<typeof readRecord> = {};
  let admission: Admission = 'none';
  for (let read = 0; read < READS; read++) {
    const length = system.read(fd, block);
    record = readRecord(block.buffer, Math.min(length, BLOCK_BYTES));
    admission = admissionIn(block.buffer, length);
    if (!held || record.holder !== undefined) break;
  }
  return { ...record, admission };
}

/** Adds the holders that left no record: programs that lock without Holdfast. */
function withForeign(recorded: readonly HolderRecord[], locks: readonly KernelLock[]): HolderRecord[] {
  const namespace = here().pidNamespace;
  const known = new Set(
    recorded.filter((record) => (record.pidNamespace ?? namespace) === namespace).map((record) => record.pid),
  );
  const inside = new Set(
    recorded.filter((record) => (record.pidNamespace ?? namespace) !== namespace).map((record) => record.pid),
  );
  const anonymous = recorded.filter((record) => record.pid === undefined).length;
  const isRecorded = (pid: number) => known.has(pid) || inside.has(processFacts.innerId(pid) ?? Number.NaN);
  const unknown = locks.filter((lock) => !isRecorded(lock.pid)).slice(anonymous);
  const foreign = unknown.map(({ pid }) => describeForeign(pid));
  if (foreign.length === 0) return [...recorded];
  // A lock that somebody else holds exclusively makes the record a relic of its predecessor.
  return locks.some((lock) => lock.mode === 'exclusive') ? foreign : [...recorded, ...foreign];
}

/** Where who took it has ended, somebody has inherited it who may not be looked into. */
function describeForeign(pid: number): HolderRecord {
  const record = describeProcess(pid);
  return liveness(record) === 'dead' ? { inherited: true } : { ...record, foreign: true };
}

function describeProcess(pid: number): HolderRecord {
  const command = processFacts.commandOf(pid);
  return { ...recordOf(pid), ...(command === undefined ? {} : { command }) };
}
