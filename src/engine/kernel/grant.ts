import { dirname } from 'node:path';
import { UnsupportedError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { syncDirectoryQuietly } from '../../storage/fs/sync-directory.ts';
import { Date, queueMicrotask } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type {
  Conversion,
  Degradation,
  Grant,
  HeldPermit,
  LockRequest,
  LossWatch,
  Mode,
  Outer,
  RecordedChild,
  Waiting,
} from '../engine.ts';
import { BLOCK_BYTES, formatBlock, writeCounters, writeSince } from './block.ts';
import { degradationOf, entryNotLeft, NOT_DEGRADED, recordNotWritten } from './degradation.ts';
import { Entry } from './entry.ts';
import { hasHeirs } from './heirs.ts';
import { Joined } from './joined.ts';
import { type WatchedFile, watchFiles } from './loss-watch.ts';
import { type Admission, leaveNestedNews, lookAtNested, writeAdmission } from './nested.ts';
import { Permit } from './permit.ts';
import { holderOf, isSameRecord, type Slot } from './slot.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { NativeBuffer } from './syscalls/syscalls.ts';
import { isSynced, nextToken, TOKENS_PER_TENURE, trustedBound } from './token.ts';
import { type Converted, KernelUpgrade, type Passage, passAdmitted, readNow } from './upgrade.ts';
import { wake } from './wake/index.ts';

/** How many tokens one sync to the disk covers. */
const TOKENS_PER_SYNC = 1_000_000;

/** The record is written anew when the one in the file is older than this many milliseconds. */
const STALE_RECORD = 100;

interface GrantParts {
  readonly request: LockRequest;
  readonly slot: Slot;
  readonly fd: number;
  /** Set when the descriptor can only read: why. */
  readonly readOnly: string | undefined;
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
  /** The nested lock, kept until this one is given back. */
  readonly kept: KernelGrant | undefined;
}

/** A kernel lock that is held: the descriptor is the lock. */
export class KernelGrant implements Grant {
  readonly contract = 'kernel';
  readonly #parts: GrantParts;
  #bound: number;
  #mode: Mode;
  #token: number;
  /** The token in the lock file when this grant became a shared one. */
  #tokenSeen: number;
  #reserved: number;
  #degraded: readonly Degradation[];
  #mark: Entry | Permit | undefined;
  #recovered: HolderRecord | undefined;
  /** False once released: from then on the descriptor's number may stand for somebody else's file. */
  #open = true;
  #beforeRelease: (() => void) | undefined;
  /** Somebody may have passed the descriptor on to another process. */
  #lent = false;
  #admits = false;
  #bequeathed = false;
  #joined: Joined | undefined;
  /** The process that works under this grant. */
  #child: HolderRecord['child'];

  constructor(parts: GrantParts) {
    this.#parts = parts;
    this.#bound = parts.bound;
    this.#mode = parts.request.mode;
    this.#token = parts.token;
    this.#tokenSeen = parts.token;
    this.#degraded = parts.degraded;
    this.#reserved = parts.reserved;
    this.#mark = parts.mark;
    this.#recovered = parts.recovered;
  }

  get recovered(): HolderRecord | undefined {
    return this.#recovered;
  }

  get degraded(): readonly Degradation[] {
    return this.#degraded;
  }

  get descriptor(): number | undefined {
    this.#lent = true;
    return this.#open ? this.#parts.fd : undefined;
  }

  get descriptors(): readonly number[] {
    this.#lent = true;
    const permit = this.#mark instanceof Permit ? [this.#mark.descriptor] : [];
    return this.#open ? [this.#parts.fd, ...permit, ...(this.#joined ? [this.#joined.descriptor] : [])] : [];
  }

  get permit(): HeldPermit | undefined {
    const { path } = this.#parts.request;
    if (this.#joined !== undefined) return { lock: this.#joined.path, by: path };
    return this.#mark instanceof Permit ? { lock: path, by: this.#mark.path } : undefined;
  }

  join(outer: Outer & { readonly permit: HeldPermit }): boolean {
    this.#joined = Joined.join(this.#parts.request, outer);
    return this.#joined !== undefined;
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
    if (!this.#open || !syscalls().check(this.#parts.fd, this.#parts.slot.nativePath).same) return false;
    return !(this.#mark instanceof Permit) || this.#mark.isIntact();
  }

  isExpired(): boolean {
    return false;
  }

  watchLoss(onLoss: () => void): LossWatch {
    const { fd, request } = this.#parts;
    const files: WatchedFile[] = [{ descriptor: fd, path: request.path, kind: 'lock' }];
    if (this.#mark instanceof Permit) {
      const { descriptor, path } = this.#mark;
      files.push({ descriptor, path, kind: 'ticket' });
    }
    const watch = watchFiles(files, () => {
      if (this.isIntact()) return;
      watch.stop();
      onLoss();
    });
    if (!this.isIntact()) queueMicrotask(onLoss); // replaced before the watch was set
    return watch;
  }

  passTo(request: LockRequest): KernelGrant | undefined {
    const { slot, fd, readOnly } = this.#parts;
    const token = this.#token;
    const degraded = this.#degraded;
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
      readOnly,
      since,
      token: token + 1,
      reserved,
      bound: this.#bound,
      recovered: undefined,
      degraded,
      mark: undefined,
      kept: this.#parts.kept,
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
    this.#share(() => this.#clearRecord());
    this.#parts.kept?.downgrade();
  }

  revert(): void {
    const news = this.#recovered;
    this.#share(() => (news === undefined ? this.#clearRecord() : this.#leaveNews(news)));
    this.#parts.kept?.revert();
  }

  #share(leaveBlock: () => void): void {
    if (!this.#open || this.#mode === 'shared') return;
    const { request, fd } = this.#parts;
    this.#mark = Entry.leave(request, 'held', this.#holder());
    leaveBlock();
    this.#tokenSeen = readNow(fd).token; // which is not this grant's, where that could not be written
    if (syscalls().convert(fd, 'shared') !== 0)
      throw new UnsupportedError(request, 'This lock cannot be made shared');
    this.#mode = 'shared';
    this.#recovered = undefined;
    this.#degraded = this.#mark === undefined ? entryNotLeft(request.path) : NOT_DEGRADED;
    trace?.(request.path, 'is shared from now on');
    this.#beforeRelease?.();
    this.#beforeRelease = undefined;
    wake().touch(fd); // a conversion raises no event of its own
  }

  upgrade(outcome: Conversion): Waiting {
    const { request, fd } = this.#parts;
    return new KernelUpgrade({ request, fd, convert: () => this.#convert() }, outcome);
  }

  #convert(): Converted {
    if (!this.#open) return 'lost';
    const { request, fd, readOnly } = this.#parts;
    const system = syscalls();
    const taken = system.convert(fd, 'exclusive') === 0;
    if (!taken && system.lock(fd, 'shared') !== 0) return 'lost';
    const state = readNow(fd);
    if (state.token !== this.#tokenSeen || !this.isIntact()) return 'lost';
    if (!taken) return 'shared';
    const passed = this.#passNested(state.admission);
    if (passed.kind !== 'exclusive') return system.convert(fd, 'shared') === 0 ? passed.kind : 'lost';
    // Nobody else holds it: who did, and died, came before this grant.
    this.#recovered = state.held ? (state.holder ?? {}) : passed.recovered;
    this.#token = readOnly === undefined ? nextToken(state) : 0;
    this.#reserved = this.#token + TOKENS_PER_TENURE;
    this.#bound = trustedBound(state);
    this.#degraded = degradationOf(request.path, readOnly, state.kind);
    if (this.#token > 0) {
      const written = system.write(fd, this.#block(this.#bound));
      if (written !== BLOCK_BYTES) {
        this.#degraded = recordNotWritten(request.path, written);
        this.#token = 0; // the next holder counts it again, so nobody may have seen it
      }
    }
    this.#mode = 'exclusive';
    this.#mark?.remove();
    this.#mark = undefined;
    return 'exclusive';
  }

  #passNested(admission: Admission): Passage {
    const { fd, request, kept } = this.#parts;
    if (kept === undefined) return passAdmitted(fd, request.path, admission);
    const kind = kept.#convert();
    return { kind: kind === 'nested' ? 'shared' : kind, recovered: kept.recovered };
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

  admitNested(): boolean {
    if (!this.#open) return false;
    if (this.#mode === 'shared') return !(this.#mark instanceof Permit) || this.#mark.admit();
    this.#admits = this.#token !== 0 && writeAdmission(this.#parts.fd, 'open');
    return this.#admits;
  }

  bequeath(): void {
    this.#bequeathed = true;
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
   *  2. Drop the lock by name. Closing alone would not do: another thread may be forking a child at this moment, which has
   *     every descriptor open until it runs its program.
   *  3. Close, which tells the watchers. Where a child has it open as well, its close tells them; a descriptor that was
   *     lent may be open elsewhere for long, so they are told by a change of the file's times.
   *  A lock that is left to its heirs is only closed, and the kernel drops it, and tells, when the last of them has ended.
   *  The record goes on to name what is known while there are any, as far as that can be seen.
   *  Between 1 and 2, nested holders are looked for: see `Admission`.
   */
  release(): void {
    this.#giveBack(() => this.#clearRecord(), 'release');
  }

  /** The same, with the record of the holder that died in step 1. Dying before that leaves this one's own, which is news too. */
  decline(): void {
    const news = this.#recovered;
    if (news === undefined) this.release();
    else this.#giveBack(() => this.#leaveNews(news), 'decline');
  }

  #leaveNews(news: HolderRecord): void {
    const { request, fd } = this.#parts;
    if (this.#token === 0) {
      if (!readNow(fd).held) leaveNestedNews(fd, request, news);
      return; // else nothing was written over the news
    }
    const block = nativeBuffer(BLOCK_BYTES);
    formatBlock(block.buffer, request.resource, self().boot, news);
    writeCounters(block.buffer, this.#token, this.#bound);
    if (news.since !== undefined) writeSince(block.buffer, Date.parse(news.since));
    syscalls().write(fd, block);
  }

  #giveBack(leaveBlock: () => void, how: 'release' | 'decline'): void {
    if (!this.#open) return;
    this.#beforeRelease?.();
    this.#open = false;
    const { fd, request } = this.#parts;
    trace?.(request.path, 'is released');
    const isLeft = this.#bequeathed && this.#lent;
    if (this.#mark instanceof Permit && isLeft && hasHeirs(this.#mark.descriptor)) this.#mark.leave();
    else if (this.#mark !== undefined) this.#mark.remove();
    else if (this.#mode === 'exclusive' && !(isLeft && hasHeirs(fd))) this.#clear(leaveBlock);
    if (!isLeft) syscalls().lock(fd, 'none');
    if (this.#lent || this.#mode === 'shared') wake().touch(fd);
    syscalls().close(fd);
    this.#joined?.release(isLeft);
    this.#parts.kept?.[how]();
  }

  /** Steps 3 and 4 of `Admission`. */
  #clear(leaveBlock: () => void): void {
    leaveBlock();
    if (!this.#admits) return;
    writeAdmission(this.#parts.fd, lookAtNested(this.#parts.request.path) === 'free' ? 'none' : 'closed');
  }
}
