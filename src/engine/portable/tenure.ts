import { clearInterval, Date, performance, setInterval } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { Claim } from './claim.ts';
import type { PortableLock } from './lock.ts';
import { giveBackOwn } from './own-right.ts';

/** A point in time on both clocks: the monotonic one stands still while the machine sleeps, the other may be set. */
interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

export function now(): Instant {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** The larger of what the two clocks say has passed since, in milliseconds. */
function since({ monotonic, wall }: Instant): number {
  return Math.max(performance.now() - monotonic, Date.now() - wall);
}

/**
 * A claim while it stands: gives signs of life, and knows when its lease is over.
 *
 * Under a lease (trace; H holder, O observer, d the lease):
 *  1. H notes the time s, then gives a sign of life. From then on its deadline is s + d, if it was not over before s.
 *  2. O first sees that sign at o, later than s, and takes the lock over no earlier than o + 1.5 d.
 *  So H is past its deadline before O enters, whatever happens to H: stopped, suspended, cut off. H learns of it by its
 *  own clocks, at the next check. A renewal that H sent in time but that took more than half a lease to arrive is seen
 *  by O when it looks again, under the break claim; only one that arrives between that look and the removal is not, and
 *  then two can hold for a moment. That is the contract `lease`: the guarded resource compares fencing tokens.
 */
export class Tenure {
  readonly #lock: PortableLock;
  readonly #claim: Claim;
  readonly #timer: NodeJS.Timeout;
  readonly #begun = performance.now();
  #sent: Instant;
  #over = false;

  /** `sent`: a moment before the claim was published. */
  constructor(lock: PortableLock, claim: Claim, sent: Instant) {
    this.#lock = lock;
    this.#claim = claim;
    this.#sent = sent;
    this.#timer = setInterval(() => this.#beat(), lock.settings.beat).unref();
  }

  get token(): string {
    return this.#claim.token;
  }

  /** Where its claim was published. */
  get path(): string | undefined {
    return this.#claim.path;
  }

  /** Milliseconds. */
  get age(): number {
    return performance.now() - this.#begun;
  }

  /** How long the lease goes on, in milliseconds; `Infinity` without one. */
  get left(): number {
    const { lease } = this.#lock.settings;
    return lease === undefined ? Number.POSITIVE_INFINITY : lease - since(this.#sent);
  }

  /** Whether this is the claim that others see, and its time is not over. */
  isIntact(): boolean {
    return !this.#over && this.left > 0 && this.#claim.isIntact();
  }

  #beat(): void {
    const sent = now();
    if (this.left <= 0) clearInterval(this.#timer);
    else if (this.#claim.beat()) this.#sent = sent;
  }

  /** Removes the claim, and only this one. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    trace?.(this.#lock.place.lock, `claim ${this.token} is given back`);
    this.#lock.settings.step('release');
    giveBackOwn(this.#lock, this.#claim);
  }

  /** Leaves the claim where it is, and shows no more signs of life. */
  leave(): void {
    this.#over = true;
    clearInterval(this.#timer);
    trace?.(this.#lock.place.lock, `claim ${this.token} is left to those who work under it`);
  }
}
