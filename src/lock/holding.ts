import type { Degradation, Grant, LossWatch } from '../engine/engine.ts';
import { duration } from '../errors/describe.ts';
import { DegradedError, type LossReason, LostError, UnsupportedError } from '../errors/lock-errors.ts';
import { publish } from '../events/channel.ts';
import { performance } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import type { Cohort, Member } from './cohort.ts';
import { after } from './deadline.ts';
import { forMany } from './on-abort.ts';
import { eventBase, type HeldElsewhere, type Request } from './request.ts';
import { Upgrade, type UpgradeOptions } from './upgrade.ts';

/**
 * One grant while it is held, shared by the `Lock` objects that reentrancy gave out on it. Owns the grant: whoever ends
 * it does so here, once.
 */
export class Holding implements Member, HeldElsewhere {
  request: Request;
  readonly grant: Grant;
  lock: object | undefined;
  readonly #cohort: Cohort;
  readonly #since = performance.now();
  #users = 1;
  #open = true;
  #isUndelivered = false;
  #lost: LostError | undefined;
  #abort: AbortController | undefined;
  #lossWatch: LossWatch | undefined;
  #stopLimit: (() => void) | undefined;
  #upgrade: Upgrade | undefined;
  #beforeEnd: Set<() => void> | undefined;

  constructor(request: Request, grant: Grant, cohort: Cohort) {
    this.request = request;
    this.grant = grant;
    this.#cohort = cohort;
    if (request.holdLimit !== undefined) {
      const limit = request.holdLimit;
      this.#stopLimit = after(limit, () => this.#loseToLimit(limit), 'background');
    }
  }

  get path(): string {
    return this.request.path;
  }

  get resource(): string {
    return this.request.resource;
  }

  get id(): number {
    return this.request.id;
  }

  get mode(): Request['mode'] {
    return this.request.mode;
  }

  get isHeld(): boolean {
    return this.#open && this.#lost === undefined;
  }

  get held(): number {
    return performance.now() - this.#since;
  }

  get lost(): LostError | undefined {
    return this.#lost;
  }

  /** How the lock was lost, looked up now; undefined while it is held, and after it was given back. */
  findLoss(): LostError | undefined {
    const { holdLimit } = this.request;
    // After a stop, or a long turn, this code runs before the timer of the limit does.
    if (holdLimit !== undefined && this.held >= holdLimit) this.#loseToLimit(holdLimit);
    if (this.isHeld && !this.grant.isIntact()) this.#loseToOthers();
    return this.#lost;
  }

  /** Aborts when the lock is lost. The watch for that starts with the first use. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      forMany(this.#abort.signal);
      if (this.#lost !== undefined) this.#abort.abort(this.#lost);
      else if (this.#open) this.#watchForLoss();
    }
    return this.#abort.signal;
  }

  #watchForLoss(): void {
    this.#lossWatch = this.grant.watchLoss(() => this.#loseToOthers());
    const { degraded } = this.#lossWatch;
    if (degraded !== undefined) this.#tellOfDegradation([degraded]);
  }

  /** In which ways it is weaker than usual now. */
  get degraded(): readonly Degradation[] {
    const { degraded } = this.grant;
    const unseen = this.#lossWatch?.degraded;
    return unseen === undefined ? degraded : [...degraded, unseen];
  }

  /** @throws {LostError} when the lock is not held any more, looked up now. */
  assertHeld(): void {
    const lost = this.findLoss();
    if (lost !== undefined) throw lost;
    if (!this.#open) throw new LostError(this.request, 'released');
  }

  beforeEnd(tell: () => void): () => void {
    this.#beforeEnd ??= new Set();
    this.#beforeEnd.add(tell);
    return () => void this.#beforeEnd?.delete(tell);
  }

  share(): void {
    this.#users++;
  }

  /** Gives up one user's share; the last one releases. `undelivered`: what it was granted with never reached its user. */
  leave(how: 'released' | 'undelivered' = 'released'): void {
    if (--this.#users === 0) this.#end(this.#isUndelivered ? 'undelivered' : how);
  }

  /** What it was granted with could not be used, so that its release leaves the news to the next holder. */
  returnNews(): void {
    this.#isUndelivered = true;
  }

  /** Gives back a grant that its request cannot take any more: nobody has been told of it. */
  decline(): void {
    this.#end('declined');
  }

  #loseToOthers(): void {
    this.#lose(this.grant.isExpired() ? 'expired' : 'replaced');
  }

  #loseToLimit(limit: number): void {
    this.#lose('hold-limit', duration(limit));
  }

  /** Makes an exclusive hold a shared one. */
  downgrade(): void {
    this.assertHeld();
    if (this.request.mode === 'shared') return;
    if (this.#users > 1) {
      throw new UnsupportedError(
        this.request,
        'This lock was taken again by code inside a with (reentrant), so it cannot be made shared: one of them would ' +
          'have an exclusive lock that is none. Release one of the two first',
      );
    }
    this.grant.downgrade();
    this.#changeMode('shared');
  }

  /** Makes a shared hold an exclusive one; whatever ends the wait otherwise, it stays shared. `around`: what encloses it. */
  upgrade(options: UpgradeOptions, around: readonly HeldElsewhere[]): Promise<void> {
    this.assertHeld();
    options.signal?.throwIfAborted();
    if (this.request.mode === 'exclusive') return Promise.resolve();
    if (this.request.permits !== undefined) {
      throw new UnsupportedError(this.request, 'A permit cannot be upgraded');
    }
    if (this.#upgrade !== undefined) {
      throw new UnsupportedError(this.request, 'This lock is being upgraded already: await that upgrade');
    }
    const holding = around.filter(({ path }) => path !== this.request.path);
    return new Promise<void>((resolve, reject) => {
      this.#upgrade = new Upgrade({ ...this.request, holding }, this.grant, options, {
        converted: () => {
          this.#upgrade = undefined;
          const refusal = this.#refuseDegraded();
          if (refusal === undefined) {
            this.#changeMode('exclusive');
            this.#tellOfDegradation(this.grant.degraded);
            this.#tellOfRecovery();
            if (this.isHeld) resolve();
            else reject(this.#lost ?? new LostError(this.request, 'released')); // by somebody who was told
          } else {
            reject(refusal);
          }
        },
        lost: () => {
          this.#upgrade = undefined;
          this.#loseToOthers();
          reject(this.#lost);
        },
        failed: (error) => {
          this.#upgrade = undefined;
          reject(error);
        },
      });
    });
  }

  /** Undoes an upgrade that is degraded, when strict, and says why. */
  #refuseDegraded(): unknown {
    const { degraded } = this.grant;
    if (degraded.length === 0 || !this.request.strict) return undefined;
    try {
      this.grant.revert();
    } catch (error) {
      return error; // it stays as it is: more than it is taken for
    }
    this.#tellOfDegradation(degraded);
    return new DegradedError(
      this.request,
      degraded.map(({ detail }) => detail),
    );
  }

  #tellOfDegradation(degraded: readonly Degradation[]): void {
    for (const degradation of degraded)
      publish('degraded', () => ({ ...eventBase(this.request), degradation }));
  }

  #tellOfRecovery(): void {
    const previous = this.grant.recovered;
    if (previous !== undefined) publish('recovered', () => ({ ...eventBase(this.request), previous }));
  }

  #changeMode(mode: Request['mode']): void {
    this.request = { ...this.request, mode };
    this.#cohort.change(this);
  }

  #lose(reason: LossReason, detail?: string): void {
    if (!this.isHeld) return;
    this.#lost = new LostError(this.request, reason, detail);
    trace?.(this.request.path, `request ${this.request.id} lost its lock: ${reason}`);
    this.#end('lost', () => publish('lost', () => ({ ...eventBase(this.request), held: this.held, reason })));
    this.#abort?.abort(this.#lost);
  }

  /** Ends the hold once. `tell`: what others are told of it; whatever they do, the hold is over for them. */
  #end(how: 'released' | 'undelivered' | 'lost' | 'declined', tell?: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#beforeEnd !== undefined) for (const each of this.#beforeEnd) each();
    this.#lossWatch?.stop();
    this.#stopLimit?.();
    this.#upgrade?.fail(this.#lost ?? new LostError(this.request, 'released'));
    tell?.();
    if (how === 'released' || how === 'undelivered') {
      publish('released', () => ({ ...eventBase(this.request), held: this.held }));
    }
    if (how === 'released' || (how === 'undelivered' && this.grant.recovered === undefined)) {
      this.#cohort.release(this);
      return;
    }
    if (how === 'lost') this.grant.release();
    else this.grant.decline();
    this.#cohort.leave(this);
  }
}
