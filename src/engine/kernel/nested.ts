import { constants, openSync, writeSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import { Date } from '../../time/time.ts';
import type { LockRequest, Outer } from '../engine.ts';
import { nestedPath } from '../nested.ts';
import {
  BLOCK_BYTES,
  formatBlock,
  hasSignature,
  readRecord,
  readState,
  STATE_AT,
  writeCounters,
  writeSince,
} from './block.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';

/**
 * The byte behind the block of a lock file, which writing the block leaves as it is. It says whether a command may be at
 * work under the lock that took the lock's nested lock (`nestedPath`), and keeps the lock by that when its holder ends.
 *
 * `none`: there is none. `open`: there may be, and more may come. `closed`: there may be, and no more come.
 *
 * Trace (O the outer holder, N a nested one, W whoever comes next; L the lock, D its nested lock):
 *  O  1. holds L, its record stands in the block. 2. It writes `open`, then starts its command.
 *     3. At its release it clears the record, then 4. looks at D, writes `none` if D is free and else `closed`, and
 *     5. unlocks L.
 *  N  a. takes D, waiting for its siblings. b. It reads the block and the byte: O's record and `open` mean that it holds L
 *     with O. Anything else: it gives D back, and waits for L as everybody does.
 *  W  i. locks L, and reads block and byte. Nothing but `none` costs it a step. ii. It writes `closed`. iii. It tries D in
 *     its own mode, and gives L back if that is taken. iv. If it holds L alone, it writes `none`; then its own record.
 *
 *  N was past b before O's 3: then D was taken before 4, which sees it, and W finds `closed`. Later: N sees no record.
 *  N was past b before W's ii: then D was taken before iii. Later: N sees `closed`, or W's record.
 *  O is killed before 2: there is no N. From 2 on, with its command or without: record and `open` stay until W is at ii, so
 *  N may come for as long as L is nobody else's, also while only the command has L, or nobody has.
 *  O is killed, or stopped, between 3 and 5: the byte is `open` still, and W looks at D itself.
 *  W is killed, or stopped, after ii or iii: it holds L, or L is free and the byte `closed`. After iv: it has L alone.
 *  N is killed: the kernel frees D. Its record stays in D's block, and W at iii tells of it as of a dead holder of L.
 *  Two W that share L: each may write `closed` at any time, and neither writes `none`.
 *  W cannot write the byte: it keeps D until it gives L back, so that no N comes past a.
 *  W shares L and upgrades: it has L alone, and goes through ii to iv as if it came then, in exclusive mode; D that it kept
 *  it upgrades too. Is N at work, it shares L again: the byte is `closed` still, or D kept.
 *
 * A permit: what stands above of L holds for the slot, S, whose block and byte are read, and which W locks to have the
 * permit. The lock itself, M, O shares besides, and so must N, to keep those out who want M alone:
 *  N  between a and b shares M. It cannot: somebody has M alone, so O is gone, and N gives D back.
 *  O  3'. writes `closed`. 4'. It looks at D: free, and it removes S, so that nobody finds O's record; else S stays.
 *     5'. It unlocks S. In this order, for its record stays as it is.
 *  N was past b before 3': D was taken before 4'. Later: N sees `closed`, or no S, or W's record in another S.
 *  Whoever removes an S that nobody has locked is a W there: it locks S and goes through ii and iii before. A slot that D
 *  keeps is a permit that is held, so whoever wants another number of permits, or none, fails.
 */
export type Admission = 'none' | 'open' | 'closed';

const BYTES = { none: 0x2e, open: 0x6f, closed: 0x63 } as const;

/** Room for a block and the byte behind it. */
export const BYTES_READ = BLOCK_BYTES + 1;

/** What the byte says, of a buffer that `length` bytes were read into; nothing in somebody else's file. */
export function admissionIn(buffer: Buffer, length: number): Admission {
  const byte = length > BLOCK_BYTES ? buffer[BLOCK_BYTES] : BYTES.none;
  if (byte !== BYTES.open && byte !== BYTES.closed) return 'none';
  if (!hasSignature(buffer, length)) return 'none';
  return byte === BYTES.open ? 'open' : 'closed';
}

/** Says whether it could be written. */
export function writeAdmission(fd: number, admission: Admission): boolean {
  try {
    return writeSync(fd, Buffer.of(BYTES[admission]), 0, 1, BLOCK_BYTES) === 1;
  } catch {
    return false;
  }
}

/** What the byte says of an open file. */
export function readAdmission(fd: number): Admission {
  const block = nativeBuffer(BYTES_READ);
  return admissionIn(block.buffer, syscalls().read(fd, block));
}

/** Says that a lock is free, and leaves all else in its block as it is. */
export function writeFree(fd: number): void {
  try {
    writeSync(fd, 'free', STATE_AT);
  } catch {
    // Then the next one hears of the dead holder once more.
  }
}

/**
 * What the nested lock of a path is: `held`, or so it has to be taken; `news`: free, and its last holder died. Takes it
 * for an instant, through a descriptor whose closing is a hint to nobody.
 */
export function lookAtNested(path: string): 'free' | 'news' | 'held' {
  const nested = nestedPath(path);
  let fd: number | undefined;
  try {
    fd = openRegularFile(nested);
    if (fd === undefined) return 'free';
    if (syscalls().lock(fd, 'exclusive') !== 0) return 'held';
    const block = nativeBuffer(BYTES_READ);
    const length = syscalls().read(fd, block);
    const below = admissionIn(block.buffer, length) === 'none' ? 'free' : lookAtNested(nested);
    if (below !== 'free') return below;
    return readRecord(block.buffer, Math.min(length, BLOCK_BYTES)).holder === undefined ? 'free' : 'news';
  } catch {
    return 'held';
  } finally {
    if (fd !== undefined) {
      syscalls().lock(fd, 'none'); // a child may have it open; see `KernelGrant.release`
      closeQuietly(fd);
    }
  }
}

/**
 * Has the nested lock of a path tell again of a holder that died in it, for whoever has got past it and could do nothing
 * with the news, nor leave them in its own block. It has the lock still, by this descriptor, so nobody is nested in it; who
 * comes next is to look there.
 */
export function leaveNestedNews(
  lock: number,
  { path, resource }: Pick<LockRequest, 'path' | 'resource'>,
  news: HolderRecord,
): void {
  writeAdmission(lock, 'closed');
  let fd: number | undefined;
  try {
    fd = openSync(nestedPath(path), constants.O_RDWR | SAFELY);
    if (syscalls().lock(fd, 'exclusive') !== 0) return;
    const block = nativeBuffer(BLOCK_BYTES);
    const { kind, held, token, bound } = readState(block.buffer, syscalls().read(fd, block), self().boot);
    if (kind !== 'intact' || held) return;
    formatBlock(block.buffer, resource, self().boot, news);
    writeCounters(block.buffer, token, bound);
    if (news.since !== undefined) writeSince(block.buffer, Date.parse(news.since));
    syscalls().write(fd, block);
  } catch {
    // Then nobody is told: neither file can be written.
  } finally {
    if (fd !== undefined) {
      syscalls().lock(fd, 'none'); // a child may have it open; see `KernelGrant.release`
      closeQuietly(fd);
    }
  }
}

/**
 * Steps ii to iv for whoever has a slot locked: whether no nested holder is at work under its permit, and none will be. Of
 * one that died nobody is told, as of others who had a permit.
 */
export function passNested(fd: number, path: string): boolean {
  return passBelow(fd, path) !== undefined && writeAdmission(fd, 'none');
}

/**
 * Steps ii and iii for whoever has a lock alone, by this descriptor: undefined while a nested holder is at work; else the one
 * that died, of which nobody is told again.
 */
export function passBelow(
  fd: number,
  path: string,
): { readonly recovered: HolderRecord | undefined } | undefined {
  if (readAdmission(fd) !== 'closed' && !writeAdmission(fd, 'closed')) return undefined;
  const nested = nestedPath(path);
  let below: number | undefined;
  try {
    below = openToPass(nested);
    if (syscalls().lock(below, 'exclusive') !== 0) return undefined;
    const block = nativeBuffer(BYTES_READ);
    const length = syscalls().read(below, block);
    let recovered: HolderRecord | undefined;
    if (admissionIn(block.buffer, length) !== 'none') {
      const passed = passBelow(below, nested);
      if (passed === undefined) return undefined;
      writeAdmission(below, 'none'); // else it stays closed, and the next one looks further in as well
      recovered = passed.recovered;
    }
    const { holder } = readRecord(block.buffer, Math.min(length, BLOCK_BYTES));
    if (holder !== undefined) writeFree(below);
    return { recovered: holder ?? recovered };
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? { recovered: undefined } : undefined;
  } finally {
    if (below !== undefined) {
      syscalls().lock(below, 'none'); // a child may have it open; see `KernelGrant.release`
      closeQuietly(below);
    }
  }
}

/** A nested lock that may only be read is locked all the same. Of a holder that died in it, the next one is told again. */
function openToPass(nested: string): number {
  try {
    return openSync(nested, constants.O_RDWR | SAFELY);
  } catch (error) {
    if (!READABLE.includes(systemCode(error) ?? '')) throw error;
    return openSync(nested, READ_SAFELY);
  }
}

const READABLE = ['EACCES', 'EPERM', 'EROFS'];

/** Whether a nested request under this holder would hold the lock with it, once it has the nested lock. */
export function admits(path: string, outer: Outer): boolean {
  const { permit } = outer;
  return isOpenUnder(outer, permit?.by ?? path) && (permit === undefined || isShareable(permit.lock));
}

function isShareable(path: string): boolean {
  const fd = openRegularFile(path);
  if (fd === undefined) return false;
  const isShared = syscalls().lock(fd, 'shared') === 0;
  if (isShared) syscalls().lock(fd, 'none');
  closeQuietly(fd);
  return isShared;
}

/** Whether a file has the record of this holder, and is open to more nested ones: step b. */
export function isOpenUnder({ pid, start }: Outer, path: string): boolean {
  const fd = openRegularFile(path);
  if (fd === undefined) return false;
  try {
    const block = nativeBuffer(BYTES_READ);
    const length = syscalls().read(fd, block);
    const { holder } = readRecord(block.buffer, Math.min(length, BLOCK_BYTES));
    const isOuter = holder !== undefined && holder.pid === pid && holder.start === start;
    return isOuter && admissionIn(block.buffer, length) === 'open';
  } finally {
    closeQuietly(fd);
  }
}

/** The request for the nested lock of the one that is asked for. Permits of the two would not be counted together. */
export function nestedRequest(request: LockRequest): LockRequest {
  const { path, permits } = request;
  const mode = permits === undefined ? request.mode : 'exclusive';
  return { ...request, path: nestedPath(path), permits: undefined, mode, purpose: undefined };
}
