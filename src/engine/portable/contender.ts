import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import type { LockRequest } from '../engine.ts';
import type { Claim } from './claim.ts';
import { attempt } from './failure.ts';
import { Gate } from './gate.ts';
import { giveBack } from './give-back.ts';
import { PortableGrant } from './grant.ts';
import { countGrant, fresh, shareUnderGate } from './hold.ts';
import { PortableLock } from './lock.ts';
import { look } from './look.ts';
import { areReadersGone, listReaders } from './readers.ts';
import type { Settings } from './settings.ts';

/** How long a reader is at the gate at most, in milliseconds, unless it is stopped there. */
const INSTANT = 25;

/**
 * One request for one portable lock. Tries as often as it is told to; a writer that got as far as the gate keeps it in
 * between, so that no reader comes after it.
 *
 * Why a grant is exclusive: see `Gate` for writers among each other, `publishReader` for writers and readers.
 */
export class Contender {
  readonly lock: PortableLock;
  readonly #gate: Gate;
  /** A reader's second claim, which it leaves under the gate; prepared before, so that the gate is shut for an instant. */
  #mark: Claim | undefined;

  constructor(request: LockRequest, settings: Settings) {
    this.lock = new PortableLock(request, settings);
    this.#gate = new Gate(this.lock);
  }

  /** Whether it keeps the gate, and with it all newcomers out, until the readers are gone. */
  get isDraining(): boolean {
    return this.#gate.isReached;
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

  /** Whether nobody holds the lock in any mode, as far as can be seen. */
  isFree(): boolean {
    const found = look(this.lock.place.lock);
    if (found.kind === 'claim' && this.lock.judge(found) === 'held') return false;
    return listReaders(this.lock.place).every((reader) => this.lock.judge(reader) !== 'held');
  }

  /** Gives up: nothing of this contender stays. */
  close(): void {
    if (this.#mark !== undefined) giveBack(this.#mark);
    this.#mark = undefined;
    this.#gate.giveUp();
  }

  /** Undefined also when every permit is taken. */
  #share(): PortableGrant | undefined {
    this.#mark = fresh(this.lock, this.#mark);
    if (this.#gate.reach() === undefined) return undefined;
    const mark = this.#mark;
    this.#mark = undefined;
    const tenure = shareUnderGate(this.lock, mark);
    this.#gate.giveUp();
    return tenure === undefined ? undefined : new PortableGrant(this.lock, tenure, 'shared');
  }

  /** Undefined as long as there are readers; the gate is then kept. */
  #own(): PortableGrant | undefined {
    const gate = this.#gate.reach();
    if (gate === undefined || !areReadersGone(this.lock)) return undefined;
    const count = countGrant(this.lock, gate);
    if (gate.isIntact()) return new PortableGrant(this.lock, this.#gate.handOver(), 'exclusive', count);
    this.close(); // stopped for longer than the lease
    return undefined;
  }
}
