import { EngineMismatchError, RefusedError, UnwritableError } from '../../errors/lock-errors.ts';
import { trace } from '../../trace/trace.ts';
import type { LockRequest } from '../engine.ts';
import { refuseStrangersFile } from '../ownership.ts';
import type { Claim } from './claim.ts';
import { giveBack, isGivenBack } from './give-back.ts';
import { fresh } from './hold.ts';
import type { PortableLock } from './lock.ts';
import { BUSY, type Found, type FoundClaim, look } from './look.ts';
import { takeOver } from './take-over.ts';
import { now, Tenure } from './tenure.ts';
import { tidyOnce } from './tidy.ts';

/** How often one attempt starts over after something in its way was removed, or moved. */
const ROUNDS = 20;

/** What may be held for all that can be seen: a claim of another user, or claims that come and go. */
const HIDDEN: readonly string[] = ['EACCES', BUSY];

/** The claims of this process at a lock path that are no grant yet. */
const reached = new Set<string>();

/** Whether a claim is that of a waiter of this process, which keeps newcomers out and holds nothing. */
export function isOwnWaiter(token: string): boolean {
  return reached.has(token);
}

/**
 * The claim at the lock path: a writer keeps it for as long as it holds the lock, a reader for an instant.
 *
 * Why it is exclusive (trace; A, B contenders, L the lock path):
 *  1. A looks at L. A claim that is held: A is done. One whose owner is dead: A takes it over (see `takeOver`) and starts
 *     over. Anything that is no claim: a typed error; A leaves it alone.
 *  2. A publishes its claim at L, by a call that fails if anything stands there. So L carries one claim at a time, and B
 *     meets it at 1 or 2.
 *  A dead after 2: L carries a claim whose owner is dead, and B gets past it at 1.
 *  A stopped anywhere: L carries a claim whose owner lives, and B waits.
 */
export class Gate {
  readonly #lock: PortableLock;
  /** Prepared, and not seen by anybody yet. */
  #claim: Claim | undefined;
  #tenure: Tenure | undefined;
  #metReader = false;

  constructor(lock: PortableLock) {
    this.#lock = lock;
  }

  get isReached(): boolean {
    return this.#tenure !== undefined;
  }

  /** Whether the last attempt failed at a reader, which is there for an instant only. */
  get metReader(): boolean {
    return this.#metReader;
  }

  /** One attempt; what was reached is kept until it is given up or handed over. */
  reach(): Tenure | undefined {
    tidyOnce(this.#lock);
    this.#metReader = false;
    if (this.#tenure?.isIntact() === false) this.giveUp(); // its lease ran out while it waited for readers
    this.#tenure ??= this.#take();
    return this.#tenure;
  }

  /** What was reached, for a grant to keep. */
  handOver(): Tenure {
    const tenure = this.#tenure as Tenure;
    this.#tenure = undefined;
    reached.delete(tenure.token);
    return tenure;
  }

  giveUp(): void {
    if (this.#claim !== undefined) giveBack(this.#claim);
    this.#claim = undefined;
    if (this.#tenure !== undefined) reached.delete(this.#tenure.token);
    this.#tenure?.end();
    this.#tenure = undefined;
  }

  #take(): Tenure | undefined {
    const { place, settings, request } = this.#lock;
    for (let round = 0; round < ROUNDS; round++) {
      settings.step('look');
      const found = look(place.lock);
      if (found.kind === 'claim') {
        if (!this.#clear(found)) return undefined;
      } else if (found.kind !== 'nothing') {
        refuse(request, found);
        return undefined; // it may not be read, so it may be held
      } else {
        this.#claim = fresh(this.#lock, this.#claim);
        settings.step('publish-claim');
        const tenure = this.#publish(this.#claim);
        if (tenure !== undefined) return tenure;
      }
    }
    return undefined;
  }

  #publish(claim: Claim): Tenure | undefined {
    const { place } = this.#lock;
    const sent = now();
    const result = claim.publish(place.lock);
    if (result === 'taken') return undefined;
    this.#claim = undefined; // published, or gone: somebody took it for litter
    trace?.(place.lock, `claim ${claim.token}: ${result}`);
    if (result !== 'published') return undefined;
    reached.add(claim.token);
    return new Tenure(this.#lock, claim, place.lock, sent);
  }

  /** Whether the way may be free again. */
  #clear(found: FoundClaim): boolean {
    refuseStrangersFile(this.#lock.request, found.uid);
    if (isGivenBack(found.token)) return true;
    if (this.#lock.judge(found) !== 'held') return takeOver(this.#lock, found) !== 'busy';
    trace?.(this.#lock.place.lock, `claim ${found.token} is held`);
    this.#metReader = found.record?.mode === 'shared';
    return false;
  }
}

/** @throws what tells the caller that no portable lock is to be had at this path. */
function refuse(request: LockRequest, found: Exclude<Found, FoundClaim>): void {
  if (found.kind === 'kernel') throw new EngineMismatchError(request, 'portable', 'kernel');
  if (found.kind === 'foreign') throw new RefusedError(request, found.what);
  if (found.kind === 'unreadable' && !HIDDEN.includes(found.code))
    throw new UnwritableError(request, found.code);
}
