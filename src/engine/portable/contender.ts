import type { HolderRecord } from '../../identity/holder.ts';
import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import { performance } from '../../time/time.ts';
import type { LockRequest, Outer } from '../engine.ts';
import type { Vacancy } from '../file/line.ts';
import type { Claim } from './claim.ts';
import { attempt } from './failure.ts';
import { Gate } from './gate.ts';
import { PortableGrant } from './grant.ts';
import { countGrant, fresh, hearNews, shareUnderGate } from './hold.ts';
import { joinReader } from './join.ts';
import { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { isNestedUsed, nestedRequest } from './nested.ts';
import { newsOf } from './news.ts';
import { giveBackOwn } from './own-right.ts';
import { isNestedHeld, passNested } from './pass-nested.ts';
import { passOn, passOnUnshared } from './pass-on.ts';
import { countHolders, isPermitLeft } from './permits.ts';
import { areReadersGone, listReaders, livingReaders } from './readers.ts';
import type { Settings } from './settings.ts';

/** How long a reader is at the gate at most, in milliseconds, unless it is stopped there. */
const INSTANT = 25;

/**
 * One request for one portable lock. Tries as often as it is told to; between two tries nothing of it stands in anybody's
 * way, so that no waiter that is stopped, or blocked, keeps others out. What keeps new readers from passing a writer that
 * waits for readers to leave is its place in the line.
 *
 * Why a grant is exclusive: see `Gate` for writers among each other, `publishReader` for writers and readers.
 */
export class Contender {
  readonly lock: PortableLock;
  readonly #gate: Gate;
  /** A reader's second claim, which it leaves under the gate; prepared before, so that the gate is shut for an instant. */
  #mark: Claim | undefined;

  /** The last try to own the lock may have failed at a nested holder. */
  #isKept = false;

  constructor(request: LockRequest, settings: Settings) {
    this.lock = new PortableLock(request, settings);
    this.#gate = new Gate(this.lock);
  }

  /** One attempt; undefined when somebody else holds the lock. After an error, nothing of this contender stays. */
  tryOnce(): PortableGrant | undefined {
    const { request } = this.lock;
    try {
      return attempt(request, () => (request.mode === 'shared' ? this.#share() : this.#own()));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** One attempt that outlasts another reader's instant at the gate. */
  tryPatiently(): PortableGrant | undefined {
    const deadline = performance.now() + INSTANT;
    for (;;) {
      const grant = this.tryOnce();
      const passing = this.lock.request.mode === 'shared' && this.#gate.metReader;
      if (grant !== undefined || !passing || performance.now() > deadline) return grant;
      sleepSync(INSTANT / 50);
    }
  }

  /** Whether nobody holds the lock in any mode, or a permit is left, as far as can be seen. */
  isFree(vacancy: Vacancy = 'lock'): boolean {
    const found = look(this.lock.place.lock);
    if (found.kind === 'claim' && this.lock.judge(found) === 'held') return false;
    const holders = listReaders(this.lock.place).filter((reader) => this.lock.judge(reader) === 'held');
    if (countHolders(holders) >= (vacancy === 'lock' ? 1 : (this.lock.request.permits ?? 0))) return false;
    return !isNestedHeld(this.lock);
  }

  /** Gives up: nothing of this contender stays. */
  close(): void {
    if (this.#mark !== undefined) giveBackOwn(this.lock, this.#mark);
    this.#mark = undefined;
    this.#gate.giveUp();
  }

  /** Undefined also when every permit is taken. */
  #share(): PortableGrant | undefined {
    const { request, settings } = this.lock;
    const { within } = request;
    const joined = within === undefined ? undefined : this.#join(within);
    if (joined !== undefined) return joined;
    if (request.permits !== undefined && !isPermitLeft(this.lock, request.permits)) return undefined;
    this.#mark = fresh(this.lock, this.#mark);
    const gate = this.#gate.reach();
    if (gate === undefined) return undefined;
    if (!this.#sharesNested()) {
      this.#gate.giveUp();
      return undefined;
    }
    passOnUnshared(this.lock, gate.token);
    settings.heir?.insist(request);
    const mark = this.#mark;
    this.#mark = undefined;
    const tenure = shareUnderGate(this.lock, gate, mark);
    this.#gate.giveUp();
    return tenure === undefined ? undefined : new PortableGrant(this.lock, tenure, 'shared');
  }

  /** Shares the lock with the reader around this request, also while writers wait for that reader. */
  #join(outer: Outer): PortableGrant | undefined {
    const { place } = this.lock;
    const isOuters = ({ record }: FoundClaim) => isOf(record?.holder, outer);
    const tenure = joinReader(this.lock, isOuters, (token) => place.readerPath(token));
    if (tenure === undefined) return undefined;
    this.close();
    return new PortableGrant(this.lock, tenure, 'shared');
  }

  /** For a reader that has the gate: step ii of `admits`. False while a nested holder is at work that shares nothing. */
  #sharesNested(): boolean {
    const { request, settings } = this.lock;
    if (!isNestedUsed(request)) return true;
    const nested = new Contender(nestedRequest(request), settings);
    const grant = nested.tryPatiently();
    if (grant === undefined) nested.close();
    else grant.release();
    return grant !== undefined;
  }

  /**
   * Undefined as long as there are readers, or a nested holder. The gate is not shut at all where readers are seen, nor for
   * a nested holder that the try before this one met.
   */
  #own(): PortableGrant | undefined {
    const { request, settings } = this.lock;
    if (livingReaders(this.lock).length > 0) return undefined;
    if (this.#isKept && isNestedHeld(this.lock)) return undefined;
    const gate = this.#gate.reach();
    if (gate === undefined) return undefined;
    const passed = areReadersGone(this.lock) ? passNested(this.lock) : undefined;
    this.#isKept = passed === undefined;
    if (passed === undefined) {
      this.#gate.giveUp();
      return undefined;
    }
    passOn(this.lock, gate.token);
    settings.heir?.insist(request);
    const count = countGrant(this.lock, gate);
    if (!gate.isIntact()) {
      this.close(); // stopped for longer than the lease
      return undefined;
    }
    hearNews(this.lock, count);
    const news = count.news ?? newsOf(this.lock, passed.recovered);
    return new PortableGrant(this.lock, this.#gate.handOver(), 'exclusive', { ...count, news });
  }
}

function isOf(holder: HolderRecord | undefined, { pid, start }: Outer): boolean {
  return holder?.pid === pid && holder.start === start;
}
