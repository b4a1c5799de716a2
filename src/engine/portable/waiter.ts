import { trace } from '../../trace/trace.ts';
import { type LockRequest, SECOND_LOOK, type Waiting, type WaitOutcome } from '../engine.ts';
import { Contender } from './contender.ts';
import { hintsOf } from './hints.ts';
import { isUpgradeWanted, Line } from './line.ts';
import { Pauses } from './pauses.ts';
import type { Settings } from './settings.ts';

/**
 * One wait for a portable lock: take a ticket, and look again after pauses that grow and differ from waiter to waiter.
 * Hints of the local file system make it look sooner; nothing depends on them. Nothing here blocks.
 *
 * Behind others it only looks on. A head that does not move is passed by a waiter that found the lock free twice, 20 ms
 * apart: long enough for a head that is awake to have taken it.
 */
export class PortableWaiter implements Waiting {
  readonly #contender: Contender;
  readonly #line: Line;
  readonly #outcome: WaitOutcome;
  readonly #pauses: Pauses;
  readonly #stopHints: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #seenFree = false;
  #done = false;

  constructor(request: LockRequest, settings: Settings, outcome: WaitOutcome) {
    this.#contender = new Contender(request, settings);
    this.#line = new Line(this.#contender.lock);
    this.#outcome = outcome;
    this.#pauses = new Pauses(request.pollInterval);
    this.#line.join();
    this.#stopHints = hintsOf(request.path, () => this.poke());
    this.#immediate = setImmediate(() => this.#step());
  }

  get position(): number | undefined {
    return this.#line.position();
  }

  poke(): void {
    if (this.#done) return;
    trace?.(this.#contender.lock.place.lock, 'looks again at once');
    this.#pauses.restart();
    this.#sleep(0);
  }

  cancel(): void {
    this.#finish();
    this.#contender.close();
  }

  #step(): void {
    if (this.#done) return;
    try {
      this.#line.join(); // where none could be left before
      this.#outcome.moved();
      if (this.#done) return;
      const grant = this.#mayTry() ? this.#contender.tryOnce() : undefined;
      if (grant === undefined) {
        this.#giveWay();
        this.#sleep(this.#seenFree ? SECOND_LOOK : this.#pauses.next());
      } else {
        this.#finish();
        this.#outcome.granted(grant);
      }
    } catch (error) {
      this.cancel();
      this.#outcome.failed(error);
    }
  }

  #mayTry(): boolean {
    if (this.#contender.isDraining || !this.#line.isBehind()) return true;
    const passes = this.#seenFree;
    this.#seenFree = this.#contender.isFree();
    if (this.#seenFree)
      trace?.(
        this.#contender.lock.place.lock,
        passes ? 'saw the lock free twice, and passes' : 'sees the lock free',
      );
    return passes && this.#seenFree;
  }

  /** A writer that waits for readers to go lets go of the gate when one of them needs it to become a writer itself. */
  #giveWay(): void {
    if (this.#contender.isDraining && isUpgradeWanted(this.#contender.lock.place)) this.#contender.close();
  }

  #sleep(pause: number): void {
    this.#calm();
    if (pause === 0) this.#immediate = setImmediate(() => this.#step());
    else this.#timer = setTimeout(() => this.#step(), pause);
  }

  #calm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  #finish(): void {
    this.#done = true;
    this.#calm();
    this.#stopHints();
    this.#line.leave();
  }
}
