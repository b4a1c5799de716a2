import { constants, fchmodSync, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { RefusedError, UnwritableError } from '../../errors/lock-errors.ts';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly, unlinkQuietly } from '../../storage/fs/quietly.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import type { LockRequest } from '../engine.ts';
import { isOwnDirectory, makeQueueDirectory, queueDirectory } from './entry.ts';
import { isSigned } from './signed.ts';
import { syscalls } from './syscalls/index.ts';
import { nativePath } from './syscalls/native.ts';

const { O_RDWR, O_CREAT } = constants;
const NAME = /^slot-\d{1,4}-of-(\d{1,4})$/;
const ATTEMPTS = 20;

/** Why a thing that is not Holdfast's is refused there, and what to do about it. */
export const IN_THE_WAY = 'where it is counted who holds a permit, so none can be had: move it away';

/** The file that stands for one of so many permits. */
export function slotPath(lockPath: string, slot: number, permits: number): string {
  return join(queueDirectory(lockPath), `slot-${slot}-of-${permits}`);
}

/**
 * Steps 1 to 3 of `Permit`: the slot's descriptor. `taken`: somebody else has it. `foreign`: what lies there is not
 * Holdfast's, and stays as it is.
 */
export function lockSlot(request: LockRequest, path: string): number | 'taken' | 'foreign' {
  const system = syscalls();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      prepareQueue(request);
      if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) return 'foreign';
      const fd = openSlot(path, request.access);
      const locked = system.lock(fd, 'exclusive') === 0;
      if (locked && system.check(fd, nativePath(path)).same) {
        if (isSigned(fd)) return fd;
        closeQuietly(fd);
        return 'foreign';
      }
      closeQuietly(fd);
      if (!locked) return 'taken';
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      const code = systemCode(error) ?? 'EIO';
      if (!system.passing.has(code)) throw new UnwritableError({ ...request, path }, code, error);
    }
  }
  return 'taken';
}

/** Where everyone meets, everyone can tell whether a slot is taken, whatever the umask of who made it. */
function openSlot(path: string, access: LockRequest['access']): number {
  const mode = access === 'everyone' ? 0o666 : 0o644;
  const isNew = access === 'everyone' && lstatSync(path, { throwIfNoEntry: false }) === undefined;
  const fd = openSync(path, O_RDWR | O_CREAT | SAFELY, mode);
  if (isNew && fstatSync(fd).uid === process.getuid?.()) fchmodSync(fd, mode);
  return fd;
}

/** @throws {RefusedError} something else stands in the queue's place: a slot there would be made where nobody counts it. */
function prepareQueue(request: LockRequest): void {
  const path = queueDirectory(request.path);
  makeQueueDirectory(request, path);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return; // gone again: the open that follows says so
  const what = found.isSymbolicLink() ? 'a symbolic link' : 'no directory';
  throw new RefusedError({ ...request, path }, `is ${what} ${IN_THE_WAY}`);
}

export interface SlotName {
  readonly path: string;
  readonly permits: number;
}

/** @throws the system's error when there is a directory and it cannot be read. */
export function listSlots(lockPath: string): SlotName[] {
  const directory = queueDirectory(lockPath);
  if (!isOwnDirectory(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const permits = NAME.exec(name)?.[1];
    return permits === undefined ? [] : [{ path: join(directory, name), permits: Number(permits) }];
  });
}

/**
 * Opens a slot for looking; undefined when nobody holds it, and then it is removed if it is Holdfast's. The caller closes
 * it. @throws the system's error when there is a file that cannot be opened.
 */
export function openIfHeld(path: string): number | undefined {
  const fd = openRegularFile(path);
  if (fd === undefined || syscalls().lock(fd, 'exclusive') !== 0) return fd;
  if (isSigned(fd) && syscalls().check(fd, nativePath(path)).same) unlinkQuietly(path);
  closeQuietly(fd);
  return undefined;
}

export function isHeld(path: string): boolean {
  const fd = openIfHeld(path);
  if (fd !== undefined) closeQuietly(fd);
  return fd !== undefined;
}
