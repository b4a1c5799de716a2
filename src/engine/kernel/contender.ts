import { constants } from 'node:os';
import { UnsupportedError } from '../../errors/lock-errors.ts';
import { self } from '../../identity/self.ts';
import { trace } from '../../trace/trace.ts';
import type { Degradation, LockRequest } from '../engine.ts';
import { refuseStrangersFile, refuseUnsafeDirectory } from '../ownership.ts';
import { BLOCK_BYTES, type BlockState, readRecord, readState } from './block.ts';
import {
  foreignContent,
  NOT_DEGRADED,
  readOnlyFile,
  recordDamaged,
  recordNotWritten,
} from './degradation.ts';
import { Entry } from './entry.ts';
import { KernelGrant } from './grant.ts';
import { lockFailure, openLockFile, refuseOtherKinds } from './lock-file.ts';
import { Permit, refusePermits } from './permit.ts';
import { refuseRival } from './rival.ts';
import { holderOf, type Slot, slotOf } from './slot.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { NativeBuffer, Syscalls } from './syscalls/syscalls.ts';
import { nextToken, TOKENS_PER_TENURE, trustedBound } from './token.ts';

const { EWOULDBLOCK } = constants.errno;

/** Replaced more often in a row than any program would: the file system has no stable inode numbers, or it is an attack. */
const MOST_REPLACEMENTS = 1000;

let scratch: NativeBuffer | undefined;

/** Where blocks are read into; what it holds is used before anything else is read. */
function block(): NativeBuffer {
  scratch ??= nativeBuffer(BLOCK_BYTES);
  return scratch;
}

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

  constructor(request: LockRequest) {
    this.#request = request;
    this.#system = loadSyscalls(request);
    this.#slot = slotOf(request.path);
  }

  /** The open descriptor, for a watch on exactly this file; -1 before the first try. */
  get descriptor(): number {
    return this.#fd;
  }

  /** Changes whenever another file is opened; descriptor numbers are reused, so they cannot tell. */
  get generation(): number {
    return this.#generation;
  }

  /** One attempt; undefined when somebody else holds the lock. */
  tryOnce(): KernelGrant | undefined {
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
      } else if (result !== 0) {
        trace?.(this.#request.path, 'is held by somebody else');
        return undefined;
      } else {
        try {
          refuseStrangersFile(this.#request, uid);
          const grant = this.#granted();
          if (grant === undefined) trace?.(this.#request.path, 'has every permit taken');
          if (grant === undefined) this.#system.lock(this.#fd, 'none'); // every permit is taken
          return grant;
        } catch (error) {
          throw this.#closing(error);
        }
      }
    }
    throw new UnsupportedError(
      this.#request,
      'The lock file never is the file that was just opened under its path',
    );
  }

  /** Whether nobody holds the lock in any mode. Takes it for an instant, without closing anything. */
  isFree(): boolean {
    if (this.#fd < 0) this.#open();
    if (this.#system.lock(this.#fd, 'exclusive') !== 0) return false;
    this.#system.lock(this.#fd, 'none');
    return true;
  }

  close(): void {
    if (this.#fd >= 0) this.#system.close(this.#fd);
    this.#fd = -1;
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
    this.#generation++;
    this.#readOnly = readOnly;
  }

  #closing(error: unknown): unknown {
    this.close();
    return error;
  }

  #granted(): KernelGrant | undefined {
    const grant =
      this.#request.mode === 'shared' ? this.#grantShared(this.#fd) : this.#grantExclusive(this.#fd);
    if (grant !== undefined) this.#fd = -1; // the grant's from here on
    return grant;
  }

  #grantExclusive(fd: number): KernelGrant {
    const request = this.#request;
    const slot = this.#slot;
    const since = Date.now();
    const state = this.#readState(fd);
    const recovered = state.held ? (readRecord(block().buffer, BLOCK_BYTES).holder ?? {}) : undefined;
    const bound = trustedBound(state);
    let token = this.#readOnly === undefined ? nextToken(state) : 0;
    let degraded = this.#degradation(state);
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
      since,
      token,
      reserved,
      bound,
      recovered,
      degraded,
      mark: undefined,
    });
  }

  #grantShared(fd: number): KernelGrant | undefined {
    const request = this.#request;
    const { token } = this.#readState(fd);
    let mark: Entry | Permit | undefined;
    if (request.permits === undefined) {
      refusePermits(request);
      mark = Entry.leave(request, 'held', holderOf(request));
    } else {
      mark = Permit.take(request, request.permits, holderOf(request));
      if (mark === undefined) return undefined;
    }
    const degraded = mark === undefined ? recordNotWritten(request.path, 0) : NOT_DEGRADED;
    trace?.(request.path, `granted together with others, under ${mark?.path ?? 'no record'}`);
    const counters = { token, reserved: token, bound: token, recovered: undefined };
    return new KernelGrant({ request, slot: this.#slot, fd, since: Date.now(), ...counters, degraded, mark });
  }

  #readState(fd: number): BlockState {
    const length = this.#system.read(fd, block());
    const known = this.#slot.recognise(block().buffer, length);
    if (known !== undefined) return known;
    const state = length < 0 ? UNREADABLE : readState(block().buffer, length, self().boot);
    if (state.kind !== 'intact') refuseRival(this.#request, block().buffer, length);
    return state;
  }

  /** Why the record can, or should, not be what it usually is. */
  #degradation(state: BlockState): readonly Degradation[] {
    if (this.#readOnly !== undefined) return readOnlyFile(this.#request.path, this.#readOnly);
    if (state.kind === 'foreign') return foreignContent(this.#request.path);
    return state.kind === 'torn' ? recordDamaged(this.#request.path) : NOT_DEGRADED;
  }
}

const UNREADABLE: BlockState = { kind: 'torn', held: false, token: 0, bound: 0, sameBoot: false };

export function loadSyscalls(request: LockRequest): Syscalls {
  try {
    return syscalls();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UnsupportedError(request, `No kernel lock on this platform: ${reason}`, error);
  }
}
