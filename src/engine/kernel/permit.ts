import { constants, lstatSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { PermitsError, UnwritableError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import type { LockRequest } from '../engine.ts';
import { BLOCK_BYTES, formatBlock, readRecord, writeCounters, writeSince } from './block.ts';
import { makeQueueDirectory, queueDirectory, readEntries, removeIfEmpty } from './entry.ts';
import { closeQuietly } from './lock-file.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer, nativePath } from './syscalls/native.ts';

const { O_RDWR, O_RDONLY, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const SAFE = O_NOFOLLOW | O_NONBLOCK;
const NAME = /^slot-\d{1,4}-of-(\d{1,4})$/;
const ATTEMPTS = 20;

/**
 * One of n permits: a slot file in the queue directory, flocked by its holder, who holds the lock itself in shared mode.
 * There are n slots, and the kernel lets one holder have each, so there are never more than n holders.
 *
 * Trace (A, B contenders; slot files are removed when they are released, so their names come again):
 *  1. A opens a slot, or makes it. 2. A locks it, or goes on to the next. 3. A compares the file with the path: not the
 *     same means that its last holder removed it between 1 and 2, and A starts over with this slot.
 *  4. Whoever removes a slot has it locked and has made that comparison, so nobody removes a slot that is in use.
 *  Different n: A locks a slot of its n before it looks for slots of another n, and so does B. One of them at least sees
 *  the other and fails.
 */
export class Permit {
  readonly path: string;
  readonly #fd: number;
  readonly #request: LockRequest;
  readonly #since = Date.now();

  private constructor(request: LockRequest, path: string, fd: number) {
    this.#request = request;
    this.path = path;
    this.#fd = fd;
  }

  /** Undefined when all are taken. @throws {PermitsError} others hold the lock under another number of permits. */
  static take(request: LockRequest, permits: number, holder: HolderRecord): Permit | undefined {
    for (let slot = 0; slot < permits; slot++) {
      const path = join(queueDirectory(request.path), `slot-${slot}-of-${permits}`);
      const fd = lockSlot(request, path);
      if (fd === undefined) continue;
      const permit = new Permit(request, path, fd);
      permit.write(holder);
      const others = otherTerms(request.path, permits);
      if (others === undefined) return permit;
      permit.remove();
      throw new PermitsError(request, permits, others);
    }
    return undefined;
  }

  write(holder: HolderRecord): void {
    const block = nativeBuffer(BLOCK_BYTES);
    formatBlock(block.buffer, this.#request.resource, self().boot, holder);
    writeCounters(block.buffer, 0, 0);
    writeSince(block.buffer, this.#since);
    syscalls().write(this.#fd, block);
  }

  /** Also clears away the slots of the dead, so that the directory can go when it is empty. */
  remove(): void {
    unlinkQuietly(this.path);
    closeQuietly(this.#fd);
    for (const { path } of listSlots(this.#request.path)) removeIfUnused(path);
    removeIfEmpty(queueDirectory(this.#request.path));
  }
}

/** Steps 1 to 3; undefined when somebody else has the slot. */
function lockSlot(request: LockRequest, path: string): number | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      makeQueueDirectory(request, queueDirectory(request.path));
      const fd = openSync(path, O_RDWR | O_CREAT | SAFE, request.access === 'everyone' ? 0o666 : 0o644);
      if (syscalls().lock(fd, 'exclusive') !== 0) {
        closeQuietly(fd);
        return undefined;
      }
      if (syscalls().check(fd, nativePath(path)).same) return fd;
      closeQuietly(fd);
    } catch (error) {
      const code = systemCode(error) ?? 'EIO';
      if (!syscalls().passing.has(code)) throw new UnwritableError({ ...request, path }, code, error);
    }
  }
  return undefined;
}

function listSlots(lockPath: string): { readonly path: string; readonly permits: number }[] {
  const directory = queueDirectory(lockPath);
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  try {
    return readdirSync(directory).flatMap((name) => {
      const permits = NAME.exec(name)?.[1];
      return permits === undefined ? [] : [{ path: join(directory, name), permits: Number(permits) }];
    });
  } catch {
    return [];
  }
}

/** Opens a slot for looking; undefined when nobody holds it. The caller closes it. */
function openIfHeld(path: string): number | undefined {
  try {
    const fd = openSync(path, O_RDONLY | SAFE);
    if (syscalls().lock(fd, 'exclusive') !== 0) return fd;
    if (syscalls().check(fd, nativePath(path)).same) unlinkQuietly(path);
    closeQuietly(fd);
  } catch {
    // Gone, or not ours to look at.
  }
  return undefined;
}

function removeIfUnused(path: string): void {
  const fd = openIfHeld(path);
  if (fd !== undefined) closeQuietly(fd);
}

/** The number of permits others hold the lock under, when it is another one; 0 for plain shared holders. */
function otherTerms(lockPath: string, permits: number): number | undefined {
  for (const slot of listSlots(lockPath)) {
    if (slot.permits === permits) continue;
    const fd = openIfHeld(slot.path);
    if (fd === undefined) continue;
    closeQuietly(fd);
    return slot.permits;
  }
  return readEntries(lockPath, ['held']).length > 0 ? 0 : undefined;
}

/** Fails a plain shared request while others hold permits. @throws {PermitsError} */
export function refusePermits(request: LockRequest): void {
  for (const { path, permits } of listSlots(request.path)) {
    const fd = openIfHeld(path);
    if (fd === undefined) continue;
    closeQuietly(fd);
    throw new PermitsError(request, 0, permits);
  }
}

/** Those who hold permits now. */
export function readPermits(lockPath: string): { readonly name?: string; readonly holder: HolderRecord }[] {
  return listSlots(lockPath).flatMap(({ path }) => {
    const fd = openIfHeld(path);
    if (fd === undefined) return [];
    const block = nativeBuffer(BLOCK_BYTES);
    const { name, holder = {} } = readRecord(block.buffer, syscalls().read(fd, block));
    closeQuietly(fd);
    return [name === undefined ? { holder } : { name, holder }];
  });
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Removed by hand, or not ours to remove.
  }
}
