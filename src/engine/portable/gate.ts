import { EngineMismatchError, RefusedError } from '../../errors/lock-errors.ts';
import { trace } from '../../trace/trace.ts';
import type { LockRequest } from '../engine.ts';
import { refuseStrangersFile } from '../file/strangers.ts';
import type { Claim } from './claim.ts';
import { refuseUnreadable } from './failure.ts';
import { fresh } from './hold.ts';
import type { PortableLock } from './lock.ts';
import { type Found, type FoundClaim, look } from './look.ts';
import { clearGivenBack, giveBackOwn } from './own-right.ts';
import { passStoppedReader, takeOver } from './take-over.ts';
import { now, Tenure } from './tenure.ts';
import { tidyOnce } from './tidy.ts';
import { isStoppedReader } from './verdict.ts';

/** How often one attempt starts over after something in its way was removed, or moved. */
const ROUNDS = 20;

/**
 * The claim at the lock path: a writer keeps it for as long as it holds the lock, a reader for an instant.
 *
 * Why it is exclusive (trace; A, B contenders, L the lock path):
 *  1. A looks at L. A claim that is held: A is done. One whose owner is dead: A takes it over (see `takeOver`) and starts
 *     over. Anything that is no claim: a typed error; A leaves it alone.
 *  2. A publishes its claim at L, by a call that fails if anything stands there. So L carries one claim at a time, and B
 *     meets it at 1 or 2.
 *  A dead after 2: L carries a claim whose owner is dead, and B gets past it at 1.
 *  A stopped anywhere: L carries a claim whose owner lives, and B waits. A reader that is seen to be stopped at the gate
 *  is passed: B removes its claim by right, and A finds that out before it shares anything (see `publishReader`).
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

  /** Whether the last attempt failed at a reader, which is there for an instant only. */
  get metReader(): boolean {
    return this.#metReader;
  }

  /** One attempt; what was reached is to be given up or handed over before the next one. */
  reach(): Tenure | undefined {
    tidyOnce(this.#lock);
    this.#metReader = false;
    this.#tenure = this.#take();
    return this.#tenure;
  }

  /** What was reached, for a grant to keep. */
  handOver(): Tenure {
    const tenure = this.#tenure as Tenure;
    this.#tenure = undefined;
    return tenure;
  }

  giveUp(): void {
    if (this.#claim !== undefined) giveBackOwn(this.#lock, this.#claim);
    this.#claim = undefined;
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
    return result === 'published' ? new Tenure(this.#lock, claim, sent) : undefined;
  }

  /** Whether the way may be free again. */
  #clear(found: FoundClaim): boolean {
    refuseStrangersFile(this.#lock.request, found);
    if (clearGivenBack(this.#lock, found)) return true;
    if (this.#lock.judge(found) !== 'held') return takeOver(this.#lock, found) !== 'busy';
    if (isStoppedReader(found) && passStoppedReader(this.#lock, found) !== 'busy') return true;
    trace?.(this.#lock.place.lock, `claim ${found.token} is held`);
    this.#metReader = found.record?.mode === 'shared';
    return false;
  }
}

/** @throws an error that says why there can be no portable lock at this path. */
function refuse(request: LockRequest, found: Exclude<Found, FoundClaim>): void {
  if (found.kind === 'kernel') throw new EngineMismatchError(request, 'portable', 'kernel');
  if (found.kind === 'foreign') throw new RefusedError(request, found.what);
  if (found.kind === 'unreadable') refuseUnreadable(request, found);
}
