import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { ExhaustedError, PermitsError, RefusedError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { Date } from '../../time/time.ts';
import type { LockRequest } from '../engine.ts';
import { IN_THE_WAY, slotPath } from '../file/permits.ts';
import { removeEntry } from '../file/remove.ts';
import { BLOCK_BYTES, formatBlock, readRecord, writeCounters, writeSince } from './block.ts';
import { readEntries } from './entry.ts';
import { passNested, writeAdmission } from './nested.ts';
import {
  isAdmitting,
  isHeld,
  listSlots,
  lockSlot,
  openIfHeld,
  type SlotName,
  seemsHeld,
} from './permit-slots.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer, nativePath } from './syscalls/native.ts';
import type { NativeBuffer } from './syscalls/syscalls.ts';

/**
 * One of n permits: a slot file in `<lock>.permits`, flocked by its holder, who holds the lock itself in shared mode. There
 * are n slots, and the kernel lets one holder have each, so there are never more than n holders.
 *
 * Trace (A, B contenders; slot files are removed when they are released, so their names come again):
 *  1. A opens a slot, or makes it. 2. A locks it, or goes on to the next. 3. A compares the file with the path: not the
 *     same means that its last holder removed it between 1 and 2, and A starts over with this slot.
 *  4. Whoever removes a slot has it locked and has made that comparison, so nobody removes a slot that is in use.
 *  Only what carries Holdfast's signature is written to or removed: something else in a slot's place is one permit less.
 *  5. A slot, or the directory, is removed or replaced although somebody holds it, by hand or by who may: the next contender
 *     gets a new one. Its holder has lost the permit, and finds out as for a lock file that was replaced (`isIntact`).
 *  Different n: A locks a slot of its n before it looks for slots of another n, and so does B. One of them at least sees
 *  the other and fails; both may.
 *  No n: R, who shares the lock without permits, leaves its mark before it looks for slots; A locks its slot before it looks
 *  for marks. Again one of them at least sees the other. Dying or being stopped in between, either has marked, so the other
 *  fails meanwhile. Where R can leave no mark, its grant is degraded, and A does not see it.
 */
export class Permit {
  readonly path: string;
  /** Of the slot, for a watch on exactly this file. */
  readonly descriptor: number;
  readonly #nativePath: NativeBuffer;
  readonly #request: LockRequest;
  readonly #since = Date.now();
  #admits = false;

  private constructor(request: LockRequest, path: string, fd: number) {
    this.#request = request;
    this.path = path;
    this.#nativePath = nativePath(path);
    this.descriptor = fd;
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
    syscalls().write(this.descriptor, block);
  }

  /** Whether its slot is the one that others find. */
  isIntact(): boolean {
    return syscalls().check(this.descriptor, this.#nativePath).same;
  }

  /** Has commands take the nested lock of its slot from now on; false where that cannot be said. */
  admit(): boolean {
    this.#admits = writeAdmission(this.descriptor, 'open');
    return this.#admits;
  }

  /** Also clears away the slots of the dead. */
  remove(): void {
    if (this.isIntact() && (!this.#admits || passNested(this.descriptor, this.path))) removeEntry(this.path);
    syscalls().lock(this.descriptor, 'none'); // a child may have it open; see `KernelGrant.release`
    this.leave();
    clearSlots(this.#request.path);
  }

  /** Leaves the slot to those who have inherited its descriptor. */
  leave(): void {
    closeQuietly(this.descriptor);
  }
}

/** Clears away the slots of the dead, and of nested holders that have ended. */
export function clearSlots(lockPath: string): void {
  for (const { path } of slotsSeen(lockPath)) quietly(() => isHeld(path)); // which removes it if not
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

/** Whether fewer hold permits than may, as far as can be seen. */
export function isPermitLeft({ path, permits = 0 }: LockRequest): boolean {
  return slotsSeen(path).filter((slot) => quietly(() => seemsHeld(slot.path)) !== false).length < permits;
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

/** The slots whose permits are held, or were, by whoever commands may be nested under. */
export function admittingSlots(lockPath: string): string[] {
  return slotsSeen(lockPath).flatMap(({ path }) => (quietly(() => isAdmitting(path)) === true ? [path] : []));
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
