import { constants, lstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { RefusedError } from '../../errors/lock-errors.ts';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import type { LockRequest } from '../engine.ts';
import { makeFile, patiently } from '../file/make.ts';
import { permitsDirectory, preparePermits, slotIn } from '../file/permits.ts';
import { removeEntry } from '../file/remove.ts';
import { type LockRights, rightsOf } from '../file/rights.ts';
import { unusable } from '../file/unusable.ts';
import { isOwnDirectory } from './entry.ts';
import { lookAtNested, passNested, readAdmission } from './nested.ts';
import { isSigned } from './signed.ts';
import { syscalls } from './syscalls/index.ts';
import { nativePath } from './syscalls/native.ts';

const { O_RDWR } = constants;
const ATTEMPTS = 20;

/**
 * Steps 1 to 3 of `Permit`: the slot's descriptor. `taken`: somebody else has it, or keeps it nested. `foreign`: what lies
 * there is not Holdfast's, and stays as it is.
 */
export function lockSlot(request: LockRequest, path: string): number | 'taken' | 'foreign' {
  const system = syscalls();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const rights = rightsOf(request);
      preparePermits(request, rights);
      const found = lookIn(request, path);
      if (found?.isFile() === false) return 'foreign';
      const fd = found === undefined ? makeSlot(request, path, rights) : openSlot(path, rights);
      if (fd === undefined) continue;
      const locked = system.lock(fd, 'exclusive') === 0;
      if (locked && system.check(fd, nativePath(path)).same) {
        const isOurs = isSigned(fd);
        if (isOurs && isPassed(fd, path)) return fd;
        system.lock(fd, 'none');
        closeQuietly(fd);
        return isOurs ? 'taken' : 'foreign';
      }
      const isLookedAt = !locked && system.lock(fd, 'shared') === 0; // by others who only look: there is no holder
      if (isLookedAt) system.lock(fd, 'none');
      closeQuietly(fd);
      if (!locked && !isLookedAt) return 'taken';
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      const code = systemCode(error) ?? 'EIO';
      if (!system.passing.has(code)) throw unusable({ ...request, path }, code, error);
    }
  }
  return 'taken';
}

/**
 * Opens a slot that is there without asking to make it: in a directory with the sticky bit, Linux refuses that of another
 * user's file (fs.protected_regular). @throws the system's error, of a slot that is gone again, too.
 */
function openSlot(path: string, { file }: LockRights): number {
  return patiently(
    path,
    () => openSync(path, O_RDWR | SAFELY),
    () => file,
  );
}

/** Undefined when somebody else made it first. */
function makeSlot(request: LockRequest, path: string, rights: LockRights): number | undefined {
  try {
    return patientlyIn(request, path, () =>
      makeFile(request, path, { giveName: syscalls().giveName, rights }),
    );
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return undefined;
  }
}

function lookIn(request: LockRequest, path: string): Stats | undefined {
  return patientlyIn(request, path, () => lstatSync(path, { throwIfNoEntry: false }));
}

/** For a call that the directory of the slots may refuse, because another user is just making it. */
function patientlyIn<T>(request: LockRequest, path: string, call: () => T): T {
  return patiently(dirname(path), call, () => rightsOf(request).directory);
}

export interface SlotName {
  readonly path: string;
  readonly permits: number;
}

/** @throws the system's error when there is a directory and it cannot be read. */
export function listSlots(lockPath: string): SlotName[] {
  const directory = permitsDirectory(lockPath);
  if (!isOwnDirectory(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const found = slotIn(name);
    return found?.slot === name ? [{ path: join(directory, name), permits: found.permits }] : [];
  });
}

/**
 * Opens a slot for looking; undefined when nobody has it locked, and then it is removed if it is Holdfast's, and no nested
 * holder may keep it. The caller closes it. @throws the system's error when there is a file that cannot be opened.
 */
export function openIfHeld(path: string): number | undefined {
  const fd = patiently(path, () => openRegularFile(path));
  if (fd === undefined || isLocked(fd)) return fd;
  const isAlone = syscalls().lock(fd, 'exclusive') === 0;
  if (isAlone && isOurs(fd, path) && readAdmission(fd) === 'none') removeEntry(path);
  syscalls().lock(fd, 'none');
  closeQuietly(fd);
  return undefined;
}

/** Whether a slot seems to be held, by whoever has it locked or by a nested holder. Leaves it open to more of these. */
export function seemsHeld(path: string): boolean {
  const fd = openIfHeld(path);
  if (fd !== undefined) closeQuietly(fd);
  return fd !== undefined || (isAdmitting(path) && lookAtNested(path) === 'held');
}

/** The same for those who rely on it: a slot that is not held is no nested holder's from now on, and removed. */
export function isHeld(path: string): boolean {
  const fd = patiently(path, () => openRegularFile(path));
  if (fd === undefined) return false;
  try {
    if (isLocked(fd)) return true;
    const isAlone = syscalls().lock(fd, 'exclusive') === 0;
    if (!isOurs(fd, path)) return false;
    if (readAdmission(fd) !== 'none' && !(isAlone && isPassedByPath(path))) return true;
    if (isAlone) removeEntry(path);
    return false;
  } finally {
    syscalls().lock(fd, 'none');
    closeQuietly(fd);
  }
}

/** Whether somebody has a slot. If not, it is shared here: two who look at once do not take each other for a holder. */
function isLocked(fd: number): boolean {
  return syscalls().lock(fd, 'shared') !== 0;
}

/** Whether commands may be nested under whoever has the permit of a slot, or had it. */
export function isAdmitting(path: string): boolean {
  const fd = openRegularFile(path);
  if (fd === undefined) return false;
  const admission = readAdmission(fd);
  closeQuietly(fd);
  return admission !== 'none';
}

function isOurs(fd: number, path: string): boolean {
  return isSigned(fd) && syscalls().check(fd, nativePath(path)).same;
}

/** Whether no nested holder keeps a slot that is locked here, or will. */
function isPassed(fd: number, path: string): boolean {
  return readAdmission(fd) === 'none' || passNested(fd, path);
}

function isPassedByPath(path: string): boolean {
  const fd = openSync(path, O_RDWR | SAFELY);
  try {
    return passNested(fd, path);
  } finally {
    closeQuietly(fd);
  }
}
