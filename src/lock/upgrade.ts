import type { Grant, Waiting } from '../engine/engine.ts';
import { TimeoutError } from '../errors/lock-errors.ts';
import { publish } from '../events/channel.ts';
import { performance } from '../time/time.ts';
import { after } from './deadline.ts';
import { DeadlockWatch } from './deadlock.ts';
import { onAbort } from './on-abort.ts';
import { othersFor } from './own-hold.ts';
import { eventBase, type Request } from './request.ts';
import { seenTogether } from './seen.ts';

/** How long an upgrade may take. */
export interface UpgradeOptions {
  /** Longest wait in milliseconds; 0 tries once. Default: that of the acquisition. */
  readonly timeout?: number | undefined;
  /** Ends the wait; the lock is then still held in shared mode. */
  readonly signal?: AbortSignal | undefined;
}

/** How an upgrade ends: with one of these, once. */
export interface UpgradeOutcome {
  readonly converted: () => void;
  /** The lock is held in no mode any more. */
  readonly lost: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The wait of one shared holder to be alone with its lock.
 *
 * Whatever ends it, release of the lock included, cancels the engine's wait first: that one acts on the grant's
 * descriptor or claim, which are somebody else's once the grant is given back.
 */
export class Upgrade {
  readonly #request: Request;
  readonly #outcome: UpgradeOutcome;
  readonly #stopListening: () => void;
  readonly #started = performance.now();
  readonly #waiting: Waiting;
  readonly #stopTimer: () => void;
  #deadlock: DeadlockWatch | undefined;
  #over = false;

  /** `request.holding`: what the upgrader holds besides this lock. */
  constructor(request: Request, grant: Grant, options: UpgradeOptions, outcome: UpgradeOutcome) {
    const { timeout = request.timeout, signal } = options;
    this.#request = request;
    this.#outcome = outcome;
    this.#waiting = grant.upgrade({
      degraded: (degradation) => publish('degraded', () => ({ ...eventBase(request), degradation })),
      converted: () => this.#end(outcome.converted),
      lost: () => this.#end(outcome.lost),
      failed: (error) => this.fail(error),
    });
    this.#stopTimer = after(timeout, () => this.#timeOut(), 'alive');
    this.#stopListening = onAbort(signal, () => this.fail(signal?.reason));
    // All others who share the lock are in the way, so one of them that waits for what is held here is enough.
    if (request.holding.length > 0) {
      const alone = { ...request, mode: 'exclusive' } as const;
      this.#deadlock = new DeadlockWatch(alone, (error) => this.fail(error));
    }
  }

  /** Gives up for this reason. */
  fail(reason: unknown): void {
    this.#end(() => this.#outcome.failed(reason));
  }

  #timeOut(): void {
    const waited = performance.now() - this.#started;
    const { holders } = seenTogether(this.#request.path);
    this.fail(new TimeoutError({ ...this.#request, ...othersFor(this.#request, holders), waited }));
  }

  #end(how: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting.cancel();
    this.#stopTimer();
    this.#deadlock?.stop();
    this.#stopListening();
    how();
  }
}
