import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { ExhaustedError, PermitsError, RefusedError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { closeQuietly, removeIfEmpty, unlinkQuietly } from '../../storage/fs/quietly.ts';
import type { LockRequest } from '../engine.ts';
import { BLOCK_BYTES, formatBlock, readRecord, writeCounters, writeSince } from './block.ts';
import { queueDirectory, readEntries } from './entry.ts';
import {
  IN_THE_WAY,
  isHeld,
  listSlots,
  lockSlot,
  openIfHeld,
  type SlotName,
  slotPath,
} from './permit-slots.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer, nativePath } from './syscalls/native.ts';

/**
 * One of n permits: a slot file in the queue directory, flocked by its holder, who holds the lock itself in shared mode.
 * There are n slots, and the kernel lets one holder have each, so there are never more than n holders.
 *
 * Trace (A, B contenders; slot files are removed when they are released, so their names come again):
 *  1. A opens a slot, or makes it. 2. A locks it, or goes on to the next. 3. A compares the file with the path: not the
 *     same means that its last holder removed it between 1 and 2, and A starts over with this slot.
 *  4. Whoever removes a slot has it locked and has made that comparison, so nobody removes a slot that is in use.
 *  Only what carries Holdfast's signature is written to or removed: something else in a slot's place is one permit less.
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

  /**
   * Undefined when all are taken. @throws {PermitsError} others hold the lock under another number of permits.
   * @throws {RefusedError} something else lies where the permits are counted.
   */
  static take(request: LockRequest, permits: number, holder: HolderRecord): Permit | undefined {
    const foreign: string[] = [];
    for (let slot = 0; slot < permits; slot++) {
      const path = slotPath(request.path, slot, permits);
      const fd = lockSlot(request, path);
      if (fd === 'foreign') foreign.push(path);
      if (typeof fd === 'string') continue;
      const permit = new Permit(request, path, fd);
      try {
        permit.write(holder);
        refuseOtherTerms(request, permits);
        return permit;
      } catch (error) {
        permit.remove();
        throw error;
      }
    }
    const [first] = foreign;
    if (first === undefined || foreign.length < permits) return undefined;
    throw new RefusedError({ ...request, path: first }, `is not Holdfast's, and lies ${IN_THE_WAY}`);
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
    if (syscalls().check(this.#fd, nativePath(this.path)).same) unlinkQuietly(this.path);
    closeQuietly(this.#fd);
    for (const { path } of slotsSeen(this.#request.path)) quietly(() => isHeld(path)); // which removes it if not
    removeIfEmpty(queueDirectory(this.#request.path));
  }
}

/**
 * @throws {PermitsError} others hold the lock under another number of permits, or share it without any.
 * @throws {RefusedError} nobody can tell.
 */
function refuseOtherTerms(request: LockRequest, permits: number): void {
  const slots = counting(request, () => listSlots(request.path)) ?? [];
  const others = slots.find(
    (slot) => slot.permits !== permits && counting({ ...request, path: slot.path }, () => isHeld(slot.path)),
  );
  if (others !== undefined) throw new PermitsError(request, permits, others.permits);
  if (readEntries(request.path, ['held']).length > 0) throw new PermitsError(request, permits, 0);
}

/** Undefined for what is just being removed. Anything else that cannot be looked at may be somebody's permit. */
function counting<T>(facts: LockRequest, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = systemCode(error) ?? 'EIO';
    if (syscalls().passing.has(code)) return undefined;
    if (isExhaustion(code)) throw new ExhaustedError(facts, code, error);
    throw new RefusedError(facts, `cannot be read (${code}), and lies ${IN_THE_WAY}`);
  }
}

/** Fails a plain shared request while others hold permits, as far as it may see them. @throws {PermitsError} */
export function refusePermits(request: LockRequest): void {
  for (const { path, permits } of slotsSeen(request.path)) {
    if (quietly(() => isHeld(path)) === true) throw new PermitsError(request, 0, permits);
  }
}

/** Those who hold permits now. */
export function readPermits(lockPath: string): { readonly name?: string; readonly holder: HolderRecord }[] {
  return slotsSeen(lockPath).flatMap(({ path }) => {
    const fd = quietly(() => openIfHeld(path));
    if (fd === undefined) return [];
    const block = nativeBuffer(BLOCK_BYTES);
    const { name, holder = {} } = readRecord(block.buffer, syscalls().read(fd, block));
    closeQuietly(fd);
    return [name === undefined ? { holder } : { name, holder }];
  });
}

function slotsSeen(lockPath: string): SlotName[] {
  return quietly(() => listSlots(lockPath)) ?? [];
}

/** For looks on which no permit depends; undefined where the system refuses one. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
