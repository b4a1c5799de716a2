import { fsyncSync } from 'node:fs';
import { dirname } from 'node:path';
import { UnsupportedError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { syncDirectoryQuietly } from '../../storage/fs/sync-directory.ts';
import { trace } from '../../trace/trace.ts';
import type { Conversion, Degradation, Grant, LockRequest, Mode, RecordedChild, Waiting } from '../engine.ts';
import { BLOCK_BYTES, formatBlock, readRecord, readState, writeCounters, writeSince } from './block.ts';
import { Entry } from './entry.ts';
import type { Permit } from './permit.ts';
import { holderOf, type Slot } from './slot.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { NativeBuffer } from './syscalls/syscalls.ts';
import { nextToken, TOKENS_PER_TENURE, trustedBound } from './token.ts';
import { KernelUpgrade } from './upgrade.ts';
import { wake } from './wake/index.ts';

/** How many tokens one sync to the disk covers. */
const TOKENS_PER_SYNC = 1_000_000;

/** The record is written anew when the one in the file is older than this many milliseconds. */
const STALE_RECORD = 100;

interface GrantParts {
  readonly request: LockRequest;
  readonly slot: Slot;
  readonly fd: number;
  /** When it was granted, in milliseconds since the epoch. */
  readonly since: number;
  /** 0: none. */
  readonly token: number;
  /** The highest token this tenure may give out: what the block says while it lasts, so that a crash repeats none. */
  readonly reserved: number;
  readonly bound: number;
  readonly recovered: HolderRecord | undefined;
  readonly degraded: readonly Degradation[];
  readonly mark: Entry | Permit | undefined;
}

/** A kernel lock that is held: the descriptor is the lock. */
export class KernelGrant implements Grant {
  readonly contract = 'kernel';
  readonly #parts: GrantParts;
  #bound: number;
  #mode: Mode;
  #token: number;
  #reserved: number;
  #mark: Entry | Permit | undefined;
  #recovered: HolderRecord | undefined;
  /** False once released: from then on the descriptor's number may stand for somebody else's file. */
  #open = true;
  #beforeRelease: (() => void) | undefined;
  /** Somebody may have passed the descriptor on to another process. */
  #lent = false;
  /** The process that works under this grant. */
  #child: HolderRecord['child'];

  constructor(parts: GrantParts) {
    this.#parts = parts;
    this.#bound = parts.bound;
    this.#mode = parts.request.mode;
    this.#token = parts.token;
    this.#reserved = parts.reserved;
    this.#mark = parts.mark;
    this.#recovered = parts.recovered;
  }

  get recovered(): HolderRecord | undefined {
    return this.#recovered;
  }

  get degraded(): readonly Degradation[] {
    return this.#parts.degraded;
  }

  get descriptor(): number | undefined {
    this.#lent = true;
    return this.#open ? this.#parts.fd : undefined;
  }

  /**
   * A token is shown only after the disk knows a bound at or above it. Nobody saw the tokens that are not covered, so it
   * is of no consequence that a power loss may repeat those.
   */
  token(): number | undefined {
    const { request, fd } = this.#parts;
    const token = this.#token;
    if (token === 0) return undefined;
    if (this.#mode === 'exclusive' && token > this.#bound) {
      if (!this.#open) return undefined;
      const bound = token + TOKENS_PER_SYNC;
      const written = syscalls().write(fd, this.#block(bound));
      if (written !== BLOCK_BYTES || !isSynced(fd)) return undefined;
      syncDirectoryQuietly(dirname(request.path));
      this.#bound = bound;
    }
    return token;
  }

  isIntact(): boolean {
    return this.#open && syscalls().check(this.#parts.fd, this.#parts.slot.nativePath).same;
  }

  isExpired(): boolean {
    return false;
  }

  watchLoss(onLoss: () => void): () => void {
    const stop = wake().watch(this.#parts.fd, this.#parts.request.path, 'lock', () => {
      if (this.isIntact()) return;
      stop();
      onLoss();
    });
    if (!this.isIntact()) queueMicrotask(onLoss); // replaced before the watch was set
    return stop;
  }

  passTo(request: LockRequest): KernelGrant | undefined {
    const { slot, fd, degraded } = this.#parts;
    const token = this.#token;
    if (
      token === 0 ||
      this.#mode === 'shared' ||
      degraded.length > 0 ||
      request.mode !== 'exclusive' ||
      !this.isIntact()
    )
      return undefined;
    let { since } = this.#parts;
    let reserved = this.#reserved;
    const now = Date.now();
    const stale = this.#lent || this.#child !== undefined || now - since > STALE_RECORD;
    if (stale || !isSameRecord(request, this.#parts.request) || token >= reserved) {
      since = now;
      if (token >= reserved) reserved += TOKENS_PER_TENURE;
      if (syscalls().write(fd, slot.held(request, reserved, this.#bound, since)) !== BLOCK_BYTES)
        return undefined;
    }
    this.#open = false;
    trace?.(request.path, `is handed on inside the thread with token ${token + 1}`);
    const grant = new KernelGrant({
      request,
      slot,
      fd,
      since,
      token: token + 1,
      reserved,
      bound: this.#bound,
      recovered: undefined,
      degraded,
      mark: undefined,
    });
    grant.#beforeRelease = this.#beforeRelease;
    grant.#lent = this.#lent;
    return grant;
  }

  /**
   * The record of a shared holder first, then the block without a holder, then the conversion, which the kernel does
   * without an instant in between: nobody else can hold what is held exclusively. Dying anywhere frees the lock.
   */
  downgrade(): void {
    if (!this.#open || this.#mode === 'shared') return;
    const { request, fd } = this.#parts;
    this.#mark = Entry.leave(request, 'held', this.#holder());
    this.#clearRecord();
    if (syscalls().convert(fd, 'shared') !== 0)
      throw new UnsupportedError(request, 'This lock cannot be made shared');
    this.#mode = 'shared';
    trace?.(request.path, 'is shared from now on');
    this.#beforeRelease?.();
    this.#beforeRelease = undefined;
    wake().touch(fd); // a conversion raises no event of its own
  }

  upgrade(outcome: Conversion): Waiting {
    const { request, fd } = this.#parts;
    return new KernelUpgrade({ request, fd, convert: () => this.#convert() }, outcome);
  }

  #convert(): 'exclusive' | 'shared' | 'lost' {
    if (!this.#open) return 'lost';
    const { fd } = this.#parts;
    const system = syscalls();
    const taken = system.convert(fd, 'exclusive') === 0;
    if (!taken && system.lock(fd, 'shared') !== 0) return 'lost';
    const block = nativeBuffer(BLOCK_BYTES);
    const length = system.read(fd, block);
    const state = readState(block.buffer, length, self().boot);
    if (state.token !== this.#token || !this.isIntact()) return 'lost';
    if (!taken) return 'shared';
    // Nobody else holds it: who did, and died, came before this grant.
    if (state.held) this.#recovered = readRecord(block.buffer, length).holder ?? {};
    this.#token = nextToken(state);
    this.#reserved = this.#token + TOKENS_PER_TENURE;
    this.#bound = trustedBound(state);
    const written = this.#token > 0 && system.write(fd, this.#block(this.#bound)) === BLOCK_BYTES;
    if (!written) this.#token = 0; // the next holder counts it again, so nobody may have seen it
    this.#mode = 'exclusive';
    this.#mark?.remove();
    this.#mark = undefined;
    return 'exclusive';
  }

  #clearRecord(): void {
    const { slot, fd } = this.#parts;
    if (this.#token !== 0) syscalls().write(fd, slot.free(this.#token, this.#bound));
  }

  /** Runs once before the lock is given back, so that what it removes is gone when the next one looks. */
  onRelease(callback: () => void): void {
    this.#beforeRelease = callback;
  }

  recordChild(child: RecordedChild): void {
    if (!this.#open || child === 'starting') return;
    this.#child = child;
    if (this.#mark !== undefined) this.#mark.write(this.#holder());
    else if (this.#mode === 'exclusive' && this.#token !== 0)
      syscalls().write(this.#parts.fd, this.#block(this.#bound));
  }

  #holder(): HolderRecord {
    const { request } = this.#parts;
    const holder = holderOf(request);
    return this.#child === undefined || request.anonymous ? holder : { ...holder, child: this.#child };
  }

  /** What the lock file says while this grant is exclusive. Valid until the next call. */
  #block(bound: number): NativeBuffer {
    const { request, slot, since } = this.#parts;
    if (this.#child === undefined) return slot.held(request, this.#reserved, bound, since);
    const block = nativeBuffer(BLOCK_BYTES);
    formatBlock(block.buffer, request.resource, self().boot, this.#holder());
    writeCounters(block.buffer, this.#reserved, bound);
    writeSince(block.buffer, since);
    return block;
  }

  /**
   * Gives the lock back, and nothing but this lock: every step acts on the descriptor, never on the path.
   *  1. Clear the record while the lock is still held. Dying before 2 leaves a cleared record: the work was over.
   *  2. Close. The kernel drops the lock and tells the watchers.
   *  A descriptor that was lent may be open elsewhere, so that closing it here would neither drop the lock nor tell
   *  anybody: the lock is dropped by name, and the watchers are told by a change of the file's times.
   */
  release(): void {
    if (!this.#open) return;
    this.#beforeRelease?.();
    this.#open = false;
    const { fd, request } = this.#parts;
    trace?.(request.path, 'is released');
    if (this.#mark !== undefined) this.#mark.remove();
    else if (this.#mode === 'exclusive') this.#clearRecord();
    if (this.#lent) syscalls().lock(fd, 'none');
    if (this.#lent || this.#mode === 'shared') wake().touch(fd);
    syscalls().close(fd);
  }
}

/** Whether two requests of this thread are described alike. */
function isSameRecord(a: LockRequest, b: LockRequest): boolean {
  return a.purpose === b.purpose && a.anonymous === b.anonymous && a.resource === b.resource;
}

function isSynced(fd: number): boolean {
  try {
    fsyncSync(fd);
    return true;
  } catch {
    return false; // a failing or full disk: the bound is taken back by the release
  }
}
