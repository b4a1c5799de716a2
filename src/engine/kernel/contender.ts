import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { BindingError } from '../../binding/index.ts';
import { ExhaustedError, UnsupportedError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { Date } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { LockRequest } from '../engine.ts';
import type { Vacancy } from '../file/line.ts';
import { isTrusted, refuseStrangersFile } from '../file/strangers.ts';
import { refuseUnsafeDirectory } from '../file/unsafe-directory.ts';
import { BLOCK_BYTES, type BlockState, readRecord, readState } from './block.ts';
import { degradationOf, entryNotLeft, NOT_DEGRADED, recordNotWritten } from './degradation.ts';
import { Entry } from './entry.ts';
import { KernelGrant } from './grant.ts';
import { lockFailure, openLockFile, refuseOtherKinds } from './lock-file.ts';
import {
  type Admission,
  admissionIn,
  BYTES_READ,
  lookAtNested,
  nestedRequest,
  writeAdmission,
  writeFree,
} from './nested.ts';
import { isPermitLeft, Permit, refusePermits } from './permit.ts';
import { refuseRival } from './rival.ts';
import { holderOf, type Slot, slotOf } from './slot.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { NativeBuffer, Syscalls } from './syscalls/syscalls.ts';
import { nextToken, TOKENS_PER_TENURE, trustedBound } from './token.ts';

const { EWOULDBLOCK } = constants.errno;

/** Replaced more often in a row than any program would: the file system has no stable inode numbers, or it is an attack. */
const MOST_REPLACEMENTS = 1000;

/** Where blocks are read into, with the byte behind them; what it holds is used before anything else is read. */
interface Scratch {
  readonly all: NativeBuffer;
  readonly block: Buffer;
}

let scratch: Scratch | undefined;

function makeScratch(): Scratch {
  const all = nativeBuffer(BYTES_READ);
  return { all, block: all.buffer.subarray(0, BLOCK_BYTES) };
}

/** Of all contenders of this thread, so that it tells their files apart too. */
let generations = 0;

/**
 * One request for one kernel lock. Tries as often as it is told to, and keeps its descriptor open in between: closing
 * one would look to other waiters like a release.
 *
 * Why a grant is exclusive (trace; A, B contenders, F the file at the path):
 *  1. A opens F. If F is unlinked or replaced before 2, A's descriptor leads to an old inode.
 *  2. A flocks its descriptor without waiting. The kernel lets one exclusive holder have one inode.
 *  3. A compares (dev, ino) of its descriptor with the path. Different: A closes and starts at 1, so a lock on an old
 *     inode is never granted. Same: every contender that opens the path from now on meets A's lock.
 *  4. F replaced after 3: B can get the new inode's lock. Cooperating programs never do this (invariant 3); A learns of
 *     it through `watchLoss` and `isIntact`.
 *  Dying anywhere from 2 on, or being terminated as a worker, closes the descriptor, and the kernel drops the lock.
 *  Being stopped anywhere leaves the lock as it is.
 */
export class Contender {
  readonly #request: LockRequest;
  readonly #slot: Slot;
  readonly #system: Syscalls;
  #fd = -1;
  #generation = 0;
  #readOnly: string | undefined;
  /** What the file said last of commands that are nested under its lock. */
  #admission: Admission = 'none';
  /** For the nested lock, once it mattered. */
  #nested: Contender | undefined;
  /** The nested lock is what the last attempt failed at. */
  #isKeptByNested = false;

  constructor(request: LockRequest) {
    this.#request = request;
    this.#system = loadSyscalls(request);
    this.#slot = slotOf(request.path);
  }

  /** What the last attempt failed at: its open file, for a watch on exactly that; the descriptor is -1 before the first try. */
  get obstacle(): Obstacle {
    if (this.#isKeptByNested && this.#nested !== undefined) return this.#nested.obstacle;
    return { descriptor: this.#fd, path: this.#request.path, generation: this.#generation };
  }

  /** One attempt; undefined when somebody else holds the lock. */
  tryOnce(): KernelGrant | undefined {
    if (!this.#lock()) return undefined;
    try {
      const grant = this.#granted();
      if (grant === undefined) this.#system.lock(this.#fd, 'none'); // a nested holder is at work, or every permit is taken
      return grant;
    } catch (error) {
      throw this.#closing(error);
    }
  }

  /** Whether the lock is taken now, and the file the right one: steps 1 to 3. */
  #lock(): boolean {
    this.#isKeptByNested = false;
    for (let attempt = 0; attempt < MOST_REPLACEMENTS; attempt++) {
      if (this.#fd < 0) this.#open();
      const result = this.#system.lock(this.#fd, this.#request.mode);
      if (result !== 0 && result !== -EWOULDBLOCK) throw this.#closing(lockFailure(this.#request, -result));
      const { same, regular, uid } = this.#system.check(this.#fd, this.#slot.nativePath);
      if (!regular) {
        this.close();
        this.#slot.inspected = false; // it was a file before: look, and refuse, at the next open
      } else if (!same) {
        trace?.(this.#request.path, 'opened a lock file that was replaced, and opens the new one');
        this.close(); // step 3: an old inode, whoever holds it
      } else {
        try {
          if (!isTrusted(uid)) refuseStrangersFile(this.#request, fstatSync(this.#fd)); // also while he has it locked
        } catch (error) {
          throw this.#closing(error);
        }
        if (result === 0) return true;
        trace?.(this.#request.path, 'is held by somebody else');
        return false;
      }
    }
    throw new UnsupportedError(
      this.#request,
      'The lock file never is the file that was just opened under its path',
    );
  }

  /** Whether nobody holds the lock in any mode, or a permit is left. Takes it for an instant, without closing anything. */
  isFree(vacancy: Vacancy = 'lock'): boolean {
    if (this.#fd < 0) this.#open();
    const mode = vacancy === 'lock' ? 'exclusive' : 'shared';
    if (this.#system.lock(this.#fd, mode) !== 0) return false;
    this.#readState(this.#fd);
    const isFree = this.#admission === 'none' || lookAtNested(this.#request.path) !== 'held';
    this.#system.lock(this.#fd, 'none');
    return isFree && (vacancy === 'lock' || isPermitLeft(this.#request));
  }

  /**
   * Steps ii to iv of `Admission`, for who has the lock in the mode of its request. Undefined while a nested holder is at
   * work; else the holder among them that died, and what keeps others from coming, where nothing in the file does.
   */
  #passNested(): Passed | undefined {
    const { mode } = this.#request;
    if (this.#admission !== 'closed' && !writeAdmission(this.#fd, 'closed')) {
      this.#nested ??= new Contender(nestedRequest(this.#request));
      const kept = this.#nested.tryOnce();
      this.#isKeptByNested = kept === undefined;
      return kept === undefined ? undefined : { recovered: kept.recovered, kept };
    }
    const nested = this.#innermost();
    const passed = nested === undefined ? PASSED : nested.#pass();
    this.#isKeptByNested = passed === undefined;
    trace?.(
      this.#request.path,
      passed === undefined ? 'is kept by a nested holder' : 'is kept by no nested holder',
    );
    if (passed !== undefined && mode === 'exclusive') writeAdmission(this.#fd, 'none');
    return passed;
  }

  /** The contender for the nested lock; undefined where that was never used. */
  #innermost(): Contender | undefined {
    if (this.#nested === undefined) {
      const nested = new Contender(nestedRequest(this.#request));
      if (!this.#system.exists(nested.#slot.nativePath)) return undefined;
      this.#nested = nested;
    }
    return this.#nested;
  }

  /** Gets past a nested lock without keeping it; undefined while it is held. */
  #pass(): Passed | undefined {
    if (!this.#lock()) return undefined;
    try {
      return this.#passLocked();
    } finally {
      if (this.#fd >= 0) this.#system.lock(this.#fd, 'none');
    }
  }

  #passLocked(): Passed | undefined {
    const { mode } = this.#request;
    // Of two that would share, one may have a permit of the nested lock, which the flock does not tell.
    if (mode === 'shared') refusePermits(this.#request);
    let state = this.#readState(this.#fd);
    let recovered: HolderRecord | undefined;
    if (this.#admission !== 'none') {
      const passed = this.#passNested();
      if (passed === undefined) return undefined;
      passed.kept?.release();
      recovered = passed.recovered;
      state = this.#readState(this.#fd);
    }
    if (mode === 'exclusive' && state.held) {
      recovered = this.#deadHolder();
      writeFree(this.#fd);
    }
    return recovered === undefined ? PASSED : { recovered, kept: undefined };
  }

  #deadHolder(): HolderRecord {
    return readRecord((scratch as Scratch).block, BLOCK_BYTES).holder ?? {};
  }

  close(): void {
    this.#closeNested();
    if (this.#fd >= 0) this.#system.close(this.#fd);
    this.#fd = -1;
  }

  #closeNested(): void {
    this.#nested?.close();
    this.#nested = undefined;
  }

  #open(): void {
    if (!this.#slot.inspected) {
      refuseOtherKinds(this.#request);
      refuseUnsafeDirectory(this.#request);
      this.#slot.inspected = true;
    }
    const opened = this.#system.open(this.#slot.nativePath);
    const { fd, readOnly } = opened >= 0 ? { fd: opened, readOnly: undefined } : openLockFile(this.#request);
    this.#fd = fd;
    this.#generation = ++generations;
    this.#readOnly = readOnly;
  }

  #closing(error: unknown): unknown {
    if (this.#fd >= 0) this.#system.lock(this.#fd, 'none'); // a child may have it open; see `KernelGrant.release`
    this.close();
    return error;
  }

  #granted(): KernelGrant | undefined {
    const grant =
      this.#request.mode === 'shared' ? this.#grantShared(this.#fd) : this.#grantExclusive(this.#fd);
    if (grant !== undefined) {
      this.#fd = -1; // the grant's from here on
      this.#closeNested();
    }
    return grant;
  }

  #grantExclusive(fd: number): KernelGrant | undefined {
    const request = this.#request;
    const slot = this.#slot;
    const since = Date.now();
    let state = this.#readState(fd);
    let passed = PASSED;
    if (this.#admission !== 'none') {
      const result = this.#passNested();
      if (result === undefined) return undefined;
      passed = result;
      state = this.#readState(fd);
    }
    const recovered = state.held ? this.#deadHolder() : passed.recovered;
    const bound = trustedBound(state);
    let token = this.#readOnly === undefined ? nextToken(state) : 0;
    let degraded = degradationOf(request.path, this.#readOnly, state.kind);
    if (token > 0) {
      const written = this.#system.write(fd, slot.held(request, token + TOKENS_PER_TENURE, bound, since));
      if (written !== BLOCK_BYTES) {
        degraded = recordNotWritten(request.path, written);
        token = 0;
      }
    }
    trace?.(
      request.path,
      `granted with token ${token}${recovered === undefined ? '' : '; the holder before it died'}`,
    );
    const reserved = token + TOKENS_PER_TENURE;
    return new KernelGrant({
      request,
      slot,
      fd,
      readOnly: this.#readOnly,
      since,
      token,
      reserved,
      bound,
      recovered,
      degraded,
      mark: undefined,
      kept: passed.kept,
    });
  }

  #grantShared(fd: number): KernelGrant | undefined {
    const request = this.#request;
    const { token } = this.#readState(fd);
    const passed = this.#admission === 'none' ? PASSED : this.#passNested();
    if (passed === undefined) return undefined;
    const { kept } = passed;
    let mark: Entry | Permit | 'taken' | undefined;
    try {
      mark = leaveMark(request);
    } catch (error) {
      kept?.release();
      throw error;
    }
    if (mark === 'taken') {
      kept?.release();
      return undefined;
    }
    const degraded = mark === undefined ? entryNotLeft(request.path) : NOT_DEGRADED;
    trace?.(request.path, `granted together with others, under ${mark?.path ?? 'no record'}`);
    const counters = { token, reserved: token, bound: token, recovered: undefined };
    const file = { slot: this.#slot, fd, readOnly: this.#readOnly };
    return new KernelGrant({ request, ...file, since: Date.now(), ...counters, degraded, mark, kept });
  }

  #readState(fd: number): BlockState {
    scratch ??= makeScratch();
    const { all, block } = scratch;
    const read = this.#system.read(fd, all);
    this.#admission = admissionIn(all.buffer, read);
    const length = read > BLOCK_BYTES ? BLOCK_BYTES : read;
    const known = this.#slot.recognise(block, length);
    if (known !== undefined) return known;
    const state = length < 0 ? UNREADABLE : readState(block, length, self().boot);
    if (state.kind !== 'intact') refuseRival(this.#request, block, length);
    return state;
  }
}

/** The file that keeps a contender from a lock. */
export interface Obstacle {
  readonly descriptor: number;
  readonly path: string;
  /** Changes whenever another file is opened; descriptor numbers are reused, so they cannot tell. */
  readonly generation: number;
}

/** What getting past the nested lock brought. */
interface Passed {
  /** The nested holder that died. */
  readonly recovered: HolderRecord | undefined;
  /** The nested lock, which keeps others from coming where nothing in the lock file does. */
  readonly kept: KernelGrant | undefined;
}

const PASSED: Passed = { recovered: undefined, kept: undefined };

/**
 * The mark of one who shares the lock: its permit, or, left before it looks for those who hold permits (see `Permit` for
 * why), an entry. `taken`: every permit is. Undefined where no entry can be left. @throws {PermitsError} they do not agree.
 */
function leaveMark(request: LockRequest): Entry | Permit | 'taken' | undefined {
  if (request.permits !== undefined) {
    return Permit.take(request, request.permits, holderOf(request)) ?? 'taken';
  }
  const mark = Entry.leave(request, 'held', holderOf(request));
  try {
    refusePermits(request);
    return mark;
  } catch (error) {
    mark?.remove();
    throw error;
  }
}

const UNREADABLE: BlockState = { kind: 'torn', held: false, token: 0, bound: 0, sameBoot: false };

export function loadSyscalls(request: LockRequest): Syscalls {
  try {
    return syscalls();
  } catch (error) {
    const { lack } = error instanceof BindingError ? error : {};
    if (lack !== undefined) throw new ExhaustedError(request, lack, error);
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UnsupportedError(request, `No kernel lock on this platform: ${reason}`, error);
  }
}
