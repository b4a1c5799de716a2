import { basename, join } from 'node:path';
import type { HolderRecord } from '../../identity/holder.ts';
import { clearTimeout, setTimeout } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type {
  Contract,
  Conversion,
  Degradation,
  Grant,
  Heir,
  HeldPermit,
  LockRequest,
  LossWatch,
  Mode,
  Outer,
  RecordedChild,
  Waiting,
} from '../engine.ts';
import { permitsDirectory, preparePermits, slotIn } from '../file/permits.ts';
import { leaveChild, removeChild } from './child.ts';
import { lastToken, nextToken, syncCount, writeCount } from './counter.ts';
import { type Count, countGrant, hearNews, shareUnderGate } from './hold.ts';
import { joinReader } from './join.ts';
import { PortableLock } from './lock.ts';
import type { FoundClaim } from './look.ts';
import { admits, type Passed } from './nested.ts';
import { newsOf, returnNews, unmarkGranted } from './news.ts';
import { isPermitOf } from './permits.ts';
import type { Tenure } from './tenure.ts';
import { PortableUpgrade } from './upgrade.ts';

/** How often a holder that asked to be told looks whether its claim is still there, in milliseconds. */
const LOOK_EVERY = 250;
/** A claim says since when its holder has it; one that is older, in milliseconds, is made anew instead of handed on. */
const STALE_RECORD = 1000;

/** A portable lock that is held: the claim that stands is the lock. */
export class PortableGrant implements Grant {
  readonly #lock: PortableLock;
  #tenure: Tenure;
  #mode: Mode;
  #count: Count | undefined;
  #synced = false;
  #failedToSync = false;
  #child: RecordedChild | undefined;
  #heirs: readonly Heir[] = [];
  /** The lock of a permit that is held nested, which this shares until it is released; see `admits`. */
  #joined: PortableGrant | undefined;
  /** False once released, or handed on. */
  #open = true;

  /** `count`: what an exclusive grant comes with; a shared one has none. */
  constructor(lock: PortableLock, tenure: Tenure, mode: Mode, count?: Count) {
    this.#lock = lock;
    this.#tenure = tenure;
    this.#mode = mode;
    this.#count = count;
  }

  get contract(): Contract {
    return this.#lock.settings.lease === undefined ? 'claim' : 'lease';
  }

  get recovered(): HolderRecord | undefined {
    return this.#mode === 'exclusive' ? this.#count?.news?.holder : undefined;
  }

  get degraded(): readonly Degradation[] {
    return this.#mode === 'exclusive' ? (this.#count?.degraded ?? []) : [];
  }

  /** A child that inherits a descriptor does not inherit a claim. */
  readonly descriptor = undefined;
  readonly descriptors = undefined;

  get permit(): HeldPermit | undefined {
    const { path, permits } = this.#lock.request;
    if (this.#joined !== undefined) return { lock: this.#joined.#lock.request.path, by: path };
    const slot = this.#tenure.path;
    if (permits === undefined || this.#mode === 'exclusive' || slot === undefined) return undefined;
    return { lock: path, by: join(permitsDirectory(path), basename(slot)) };
  }

  token(): number | undefined {
    if (this.#mode === 'shared') return lastToken(this.#lock.place);
    const token = this.#count?.token;
    if (token === undefined) return undefined;
    this.#synced ||= this.#open && this.#sync(token);
    return this.#synced ? token : undefined;
  }

  /** After a sync that failed, the system may take for written what it dropped, so the next one has it written anew. */
  #sync(token: number): boolean {
    const stands = !this.#failedToSync || (this.isIntact() && this.#write(token));
    const synced = stands && syncCount(this.#lock);
    this.#failedToSync = !synced;
    return synced;
  }

  #write(token: number): boolean {
    return writeCount(this.#lock, token, this.#tenure.token) === 'written';
  }

  isIntact(): boolean {
    return this.#open && this.#tenure.isIntact();
  }

  isExpired(): boolean {
    return this.#tenure.left <= 0;
  }

  watchLoss(onLoss: () => void): LossWatch {
    const look = () => {
      clearTimeout(timer);
      if (this.isIntact()) timer = setTimeout(look, this.#nextLook).unref();
      else onLoss();
    };
    let timer = setTimeout(look, 0).unref();
    return { stop: () => clearTimeout(timer) };
  }

  get #nextLook(): number {
    return Math.max(1, Math.min(LOOK_EVERY, this.#tenure.left));
  }

  recordChild(child: RecordedChild): void {
    if (!this.#open) return;
    this.#joined?.recordChild(child);
    leaveChild(this.#lock, this.#tenure.token, child);
    this.#child = child;
  }

  /** Nested locks under a permit lie where the kernel engine has its slots. */
  admitNested(): boolean {
    if (!this.#open) return false;
    const { request } = this.#lock;
    try {
      if (request.permits !== undefined) preparePermits(request);
      return true;
    } catch {
      return false;
    }
  }

  join(outer: Outer & { readonly permit: HeldPermit }): boolean {
    const { settings, request } = this.#lock;
    const { permit } = outer;
    const lock = new PortableLock({ ...request, path: permit.lock, mode: 'shared' }, settings);
    const slot = slotIn(basename(permit.by))?.slot ?? '';
    const isOuters = (reader: FoundClaim) => isPermitOf(reader, outer);
    const tenure = joinReader(lock, isOuters, (token) => lock.place.nestedReaderPath(slot, token));
    if (tenure === undefined) return false;
    if (admits(permit.lock, outer)) this.#joined = new PortableGrant(lock, tenure, 'shared');
    else tenure.end();
    return this.#joined !== undefined;
  }

  bequeath(heirs: readonly Heir[]): void {
    this.#joined?.bequeath(heirs);
    this.#heirs = heirs;
  }

  passTo(request: LockRequest): PortableGrant | undefined {
    const { settings, request: own } = this.#lock;
    const tenure = this.#tenure;
    const fits = this.#mode === 'exclusive' && request.mode === 'exclusive' && isSameRecord(request, own);
    if (!fits || this.#count?.token === undefined || tenure.age > STALE_RECORD || !this.isIntact())
      return undefined;
    const token = nextToken(this.#lock);
    if (!this.#write(token)) return undefined;
    removeChild(this.#lock, tenure.token);
    this.#open = false;
    trace?.(request.path, `is handed on inside the thread with token ${token}`);
    const count = { token, news: undefined, degraded: [], isMarked: false };
    return new PortableGrant(new PortableLock(request, settings), tenure, 'exclusive', count);
  }

  /** The reader claim first, then the gate goes: there is no instant in which neither stands. */
  downgrade(): void {
    if (!this.#open || this.#mode === 'shared') return;
    const mark = shareUnderGate(this.#lock, this.#tenure);
    if (mark === undefined) return;
    const gate = this.#tenure;
    this.#moveTo(mark);
    this.#unmark(gate);
    gate.end();
    this.#mode = 'shared';
    trace?.(this.#lock.place.lock, 'is shared from now on');
  }

  revert(): void {
    this.#returnNews();
    this.downgrade();
  }

  #returnNews(): void {
    const news = this.#count?.news;
    if (news !== undefined && this.#mode === 'exclusive' && this.isIntact()) returnNews(this.#lock, news);
  }

  upgrade(outcome: Conversion): Waiting {
    const convert = (gate: Tenure, passed: Passed) => {
      this.#moveTo(gate);
      const count = countGrant(this.#lock, gate);
      if (gate.isIntact()) hearNews(this.#lock, count);
      this.#count = { ...count, news: count.news ?? newsOf(this.#lock, passed.recovered) };
      this.#synced = false;
      this.#mode = 'exclusive';
    };
    const keep = (mark: Tenure) => this.#moveTo(mark);
    const cover = (gate: Tenure) => {
      if (this.#child !== undefined) leaveChild(this.#lock, gate.token, this.#child);
    };
    return new PortableUpgrade({ lock: this.#lock, mark: () => this.#tenure, cover, keep, convert }, outcome);
  }

  /** Holds the lock by this claim from now on, for its command as well. @throws {UnwritableError} the claim is then gone. */
  #moveTo(tenure: Tenure): void {
    const former = this.#tenure;
    if (this.#child !== undefined) {
      try {
        leaveChild(this.#lock, tenure.token, this.#child);
      } catch (error) {
        tenure.end();
        throw error;
      }
      removeChild(this.#lock, former.token);
    }
    this.#tenure = tenure;
  }

  decline(): void {
    this.#returnNews();
    this.release();
  }

  release(): void {
    if (!this.#open) return;
    this.#giveBack();
    this.#joined?.release();
  }

  #giveBack(): void {
    if (this.#isLeft()) return;
    this.#open = false;
    if (this.#child !== undefined) removeChild(this.#lock, this.#tenure.token);
    this.#unmark(this.#tenure);
    this.#tenure.end();
  }

  /** Leaves the claim to its heirs, as one whose owner has died and whose command lives. */
  #isLeft(): boolean {
    const [first, ...others] = this.#heirs;
    if (first === undefined) return false;
    try {
      leaveChild(this.#lock, this.#tenure.token, first, others);
    } catch {
      return false; // a full disk: nothing would keep it for them
    }
    this.#open = false;
    this.#tenure.leave();
    return true;
  }

  #unmark({ token }: Tenure): void {
    if (this.#mode === 'exclusive' && this.#count?.isMarked === true) unmarkGranted(this.#lock, token);
  }
}

/** Whether two requests of this thread are described alike. */
function isSameRecord(a: LockRequest, b: LockRequest): boolean {
  return a.purpose === b.purpose && a.anonymous === b.anonymous && a.resource === b.resource;
}
