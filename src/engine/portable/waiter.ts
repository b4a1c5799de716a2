import { clearImmediate, clearTimeout, performance, setImmediate, setTimeout } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { LockRequest, Waiting, WaitOutcome } from '../engine.ts';
import { Contender } from './contender.ts';
import { hintsOf } from './hints.ts';
import { Line } from './line.ts';
import { Pauses } from './pauses.ts';
import type { Settings } from './settings.ts';

/**
 * One wait for a portable lock: take a ticket, and look again after pauses that grow and differ from waiter to waiter.
 * Hints of the local file system make it look sooner; nothing depends on them. Nothing here blocks.
 *
 * Behind others it only looks on. A head that does not move is passed by a waiter that found the lock free twice, so far
 * apart that a head that is awake would have taken it in between: see `Line.patience`.
 */
export class PortableWaiter implements Waiting {
  readonly #contender: Contender;
  readonly #line: Line;
  readonly #outcome: WaitOutcome;
  readonly #pauses: Pauses;
  readonly #stopHints: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** When it was first seen free; undefined when it was not at the last look. */
  #freeSince: number | undefined;
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
      const mayTry = this.#mayTry();
      this.#outcome.moved(); // behind that look, so that whoever comes to the head hears of it before the grant
      if (this.#done) return;
      const grant = mayTry ? this.#contender.tryOnce() : undefined;
      if (grant === undefined) {
        this.#sleep(this.#freeSince === undefined ? this.#pauses.next() : this.#untilPassing());
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
    const isFirst = !this.#line.isBehind();
    const since = this.#freeSince;
    this.#freeSince = undefined;
    if (isFirst || !this.#contender.isFree(this.#line.vacancy())) return isFirst;
    this.#freeSince = since ?? performance.now();
    const passes = since !== undefined && this.#untilPassing() <= 0;
    if (passes) this.#freeSince = undefined;
    const { lock } = this.#contender.lock.place;
    trace?.(lock, passes ? 'saw the lock free twice, and passes' : 'sees the lock free');
    return passes;
  }

  /** Milliseconds until the second look at a lock that was seen free. */
  #untilPassing(): number {
    return (this.#freeSince ?? 0) + this.#line.patience() - performance.now();
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
