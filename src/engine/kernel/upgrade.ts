import { fstatSync } from 'node:fs';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import { clearTimeout, setTimeout } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { Conversion, LockRequest, Waiting } from '../engine.ts';
import { nestedPath } from '../nested.ts';
import { rivalUpgrade } from '../upgrade.ts';
import { BLOCK_BYTES, type BlockState, readRecord, readState } from './block.ts';
import { noEvents } from './degradation.ts';
import { Entry, readEntries } from './entry.ts';
import { kernelLocks } from './kernel-locks.ts';
import {
  type Admission,
  admissionIn,
  BYTES_READ,
  lookAtNested,
  passBelow,
  writeAdmission,
} from './nested.ts';
import { holderOf } from './slot.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import { wake } from './wake/index.ts';

/** What an upgrade does to the grant it belongs to. */
export interface Upgradable {
  readonly request: LockRequest;
  readonly fd: number;
  /** Tries the conversion once. */
  convert(): Converted;
}

/**
 * What a conversion came to: done; not possible now, and the shared lock is kept, `nested` for a nested holder that is at
 * work; or lost in the attempt.
 */
export type Converted = 'exclusive' | 'shared' | 'nested' | 'lost';

/** How getting past the nested lock ended, `exclusive` when it is passed, and the nested holder that died. */
export interface Passage {
  readonly kind: Converted;
  readonly recovered: HolderRecord | undefined;
}

/** For who has the lock alone and keeps no nested lock: steps ii to iv of `Admission`, where the file says so. */
export function passAdmitted(fd: number, path: string, admission: Admission): Passage {
  if (admission === 'none') return { kind: 'exclusive', recovered: undefined };
  const passed = passBelow(fd, path);
  if (passed === undefined) return { kind: 'nested', recovered: undefined };
  writeAdmission(fd, 'none');
  return { kind: 'exclusive', recovered: passed.recovered };
}

/** What the lock file says now. */
export function readNow(
  fd: number,
): BlockState & { readonly holder: HolderRecord | undefined; readonly admission: Admission } {
  const block = nativeBuffer(BYTES_READ);
  const { buffer } = block;
  const read = syscalls().read(fd, block);
  const length = Math.min(read, BLOCK_BYTES);
  const state = readState(buffer, length, self().boot);
  return { ...state, holder: readRecord(buffer, length).holder, admission: admissionIn(buffer, read) };
}

/**
 * Waits until a shared holder is alone and then makes its lock exclusive. Meanwhile its ticket keeps newcomers out; who
 * waited before goes on waiting, for it waits for this holder.
 *
 * flock(2) drops the old lock before it tries for the new one, so a conversion that fails has lost the shared lock for an
 * instant (trace; U upgrader, O another shared holder, X an exclusive newcomer):
 *  1. U leaves its ticket. Two upgraders each see the other's; the younger fails, for both would wait for ever.
 *  2. U sees no other holder and converts. O came between: the conversion fails, U takes the shared lock back at once.
 *  3. X came and went between, which a ticket keeps cooperating programs from: U finds another token, and reports the
 *     lock as lost. X is still there: U cannot take it back, and reports the same.
 *  4. U has it alone and meets a nested holder N: it shares the lock again, and from then on looks whether N is at work
 *     before it converts. N ends before U watches its file: U looks once more after that, so it misses nothing.
 */
export class KernelUpgrade implements Waiting {
  readonly position = 1;
  readonly #lock: Upgradable;
  readonly #outcome: Conversion;
  readonly #ticket: Entry | undefined;
  readonly #stopWatch: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Why nothing tells of the other holders' releases, until it is told. */
  #refusal: string | undefined;
  #done = false;
  /** The file of the nested lock that kept it, watched. */
  #nested: { readonly fd: number; readonly stopWatch: () => void } | undefined;

  constructor(lock: Upgradable, outcome: Conversion) {
    this.#lock = lock;
    this.#outcome = outcome;
    const { request, fd } = lock;
    this.#ticket = Entry.leave(request, 'upgrade', holderOf(request));
    this.#stopWatch = wake().watch(fd, request.path, 'lock', () => this.poke());
    this.#refusal = wake().refusal;
    this.#timer = setTimeout(() => this.poke(), 0);
  }

  poke(): void {
    if (this.#done) return;
    clearTimeout(this.#timer);
    try {
      this.#step();
    } catch (error) {
      this.cancel();
      this.#outcome.failed(error);
    }
  }

  cancel(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#stopWatch();
    this.#nested?.stopWatch();
    if (this.#nested !== undefined) closeQuietly(this.#nested.fd);
    this.#nested = undefined;
    this.#ticket?.remove();
  }

  #step(): void {
    this.#giveWayToRival();
    const result = this.#isAlone() && !this.#isKeptByNested() ? this.#lock.convert() : 'shared';
    trace?.(this.#lock.request.path, `tries to upgrade: ${result}`);
    if (result === 'shared' || result === 'nested') {
      const isWatched = result === 'nested' && this.#watchNested();
      this.#timer = setTimeout(() => this.poke(), isWatched ? 0 : wake().backstop);
      this.#tellRefusal();
    } else {
      this.cancel();
      if (result === 'exclusive') this.#outcome.converted();
      else this.#outcome.lost();
    }
  }

  #isKeptByNested(): boolean {
    return this.#nested !== undefined && lookAtNested(this.#lock.request.path) === 'held';
  }

  /** Whether it is watched from now on. */
  #watchNested(): boolean {
    const path = nestedPath(this.#lock.request.path);
    const fd = this.#nested === undefined ? openRegularFile(path) : undefined;
    if (fd === undefined) return false;
    this.#nested = { fd, stopWatch: wake().watch(fd, path, 'lock', () => this.poke()) };
    return true;
  }

  #tellRefusal(): void {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    if (refusal === undefined) return;
    this.#outcome.degraded(noEvents(this.#lock.request.path, refusal, 'waiting goes on by timer'));
  }

  /** @throws {DeadlockError} another one waits for the same. */
  #giveWayToRival(): void {
    const { request } = this.#lock;
    const own = this.#ticket?.name ?? '';
    const older = readEntries(request.path, ['upgrade']).find(({ entry }) => entry.name < own);
    if (older !== undefined) throw rivalUpgrade(request, older.holder.pid);
  }

  /** By the kernel's list of holders, and where there is none, by the records they left. */
  #isAlone(): boolean {
    const holders = this.#holders();
    return holders === 0 ? readEntries(this.#lock.request.path, ['held']).length <= 1 : holders === 1;
  }

  /** As the kernel lists them; undefined where descriptors are used up, and another look is to come. */
  #holders(): number | undefined {
    try {
      return kernelLocks(fstatSync(this.#lock.fd, { bigint: true })).length;
    } catch {
      return undefined;
    }
  }
}
