import type { HolderRecord } from '../../identity/holder.ts';
import { trace } from '../../trace/trace.ts';
import type {
  Contract,
  Conversion,
  Degradation,
  Grant,
  LockRequest,
  Mode,
  RecordedChild,
  Waiting,
} from '../engine.ts';
import { leaveChild, removeChild } from './child.ts';
import { lastToken, nextToken, syncCount, writeCount } from './counter.ts';
import { type Count, countGrant, shareUnderGate } from './hold.ts';
import { PortableLock } from './lock.ts';
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
    return this.#count?.recovered;
  }

  get degraded(): readonly Degradation[] {
    return this.#count?.degraded ?? [];
  }

  /** A child that inherits a descriptor does not inherit a claim. */
  readonly descriptor = undefined;

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

  watchLoss(onLoss: () => void): () => void {
    const look = () => {
      clearTimeout(timer);
      if (this.isIntact()) timer = setTimeout(look, this.#nextLook).unref();
      else onLoss();
    };
    let timer = setTimeout(look, 0).unref();
    return () => clearTimeout(timer);
  }

  get #nextLook(): number {
    return Math.max(1, Math.min(LOOK_EVERY, this.#tenure.left));
  }

  recordChild(child: RecordedChild): void {
    if (!this.#open) return;
    leaveChild(this.#lock, this.#tenure.token, child);
    this.#child = child;
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
    const count = { token, recovered: undefined, degraded: [] };
    return new PortableGrant(new PortableLock(request, settings), tenure, 'exclusive', count);
  }

  /** The reader claim first, then the gate goes: there is no instant in which neither stands. */
  downgrade(): void {
    if (!this.#open || this.#mode === 'shared') return;
    const mark = shareUnderGate(this.#lock);
    if (mark === undefined) return;
    const gate = this.#tenure;
    this.#moveTo(mark);
    gate.end();
    this.#mode = 'shared';
    trace?.(this.#lock.place.lock, 'is shared from now on');
  }

  upgrade(outcome: Conversion): Waiting {
    const convert = (gate: Tenure) => {
      this.#moveTo(gate);
      this.#count = countGrant(this.#lock, gate);
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

  release(): void {
    if (!this.#open) return;
    this.#open = false;
    removeChild(this.#lock, this.#tenure.token);
    this.#tenure.end();
  }
}

/** Whether two requests of this thread are described alike. */
function isSameRecord(a: LockRequest, b: LockRequest): boolean {
  return a.purpose === b.purpose && a.anonymous === b.anonymous && a.resource === b.resource;
}
