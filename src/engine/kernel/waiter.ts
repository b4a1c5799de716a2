import { clearImmediate, clearTimeout, setImmediate, setTimeout } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import { type LockRequest, SECOND_LOOK, type Waiting, type WaitOutcome } from '../engine.ts';
import { Contender } from './contender.ts';
import { noEvents } from './degradation.ts';
import type { ForeignEntry } from './entry.ts';
import type { KernelGrant } from './grant.ts';
import { isStopped, Place } from './queue.ts';
import { wake } from './wake/index.ts';

/**
 * After a hint, in milliseconds: a close is announced some microseconds before the kernel drops the lock, or many milliseconds
 * where the process that is being killed has to wait for a processor in between. No look comes later than twice that time.
 */
const RETRIES_AFTER_HINT = [0, 0, 0, 1, 2, 4, 8, 16, 32, 64];
/** From where on they are gone through when a wait begins: the close may have been announced just before the watch. */
const AFTER_WATCH = 3;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * One wait for a kernel lock: take a ticket, wait for the one before it, and at the head watch the lock, try, and sleep
 * until a hint or the backstop. Nothing here blocks. Only the head watches the lock, so a release wakes one process.
 *
 * No wake-up is lost at the head (trace; W waiter, H holder):
 *  1. W opens the file and sets its watch. 2. W tries. 3. W sleeps.
 *  H releases before 2: W gets the lock at 2. After 2: the watch was there, so the hint arrives during 3.
 *  H unlocks without closing (a foreign program), or the hint is lost: the backstop timer tries again.
 *  The file is replaced during 3: the try at the hint, or at the backstop, sees it and opens the new one; the watch
 *  then moves over before the next try.
 * Behind the head: see `Place`. A head that does not move is passed at the backstop, by a waiter that found twice, 20 ms
 * apart, that it could have taken the lock: long enough for a head that was woken to have done so.
 */
export class KernelWaiter implements Waiting {
  readonly #contender: Contender;
  readonly #place: Place;
  readonly #request: LockRequest;
  readonly #outcome: WaitOutcome;
  #predecessor: ForeignEntry | undefined;
  /** Which file is watched: a generation of the contender, or nothing (-1), or the predecessor's ticket (-2). */
  #watched = NOTHING;
  #stopWatch: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #retries = AFTER_WATCH;
  #seenFree = false;
  #told = false;
  /** A step is under way: what pokes from inside a callback is heard by that very step, which tries after it. */
  #stepping = false;
  #done = false;

  constructor(request: LockRequest, outcome: WaitOutcome) {
    this.#contender = new Contender(request);
    this.#place = new Place(request);
    this.#request = request;
    this.#outcome = outcome;
    this.#immediate = setImmediate(() => this.#step());
    this.#place.join();
  }

  get position(): number | undefined {
    return this.#place.position();
  }

  poke(): void {
    trace?.(this.#request.path, 'looks again at once');
    this.#retries = 0;
    this.#seenFree = false;
    if (!this.#stepping) this.#step();
  }

  cancel(): void {
    trace?.(this.#request.path, 'ends its wait');
    this.#done = true;
    this.#calm();
    this.#unwatch();
    this.#place.leave();
    this.#contender.close();
  }

  #step(): void {
    if (this.#done) return;
    this.#calm();
    this.#stepping = true;
    try {
      const follows = this.#follows();
      if (this.#done) return; // ended by somebody who was told
      if (follows) this.#sleep(this.#nextPause());
      else this.#lead();
    } catch (error) {
      this.cancel();
      this.#outcome.failed(error);
    } finally {
      this.#stepping = false;
    }
  }

  /** Whether somebody is ahead; the nearest of them is then watched. Nobody comes in front of a head with its ticket. */
  #follows(): boolean {
    if (this.#watched >= 0) return false;
    while (!this.#isBehind()) {
      this.#unwatch();
      this.#predecessor = this.#place.predecessor();
      this.#outcome.moved();
      if (this.#predecessor === undefined) return false;
      const { entry, descriptor } = this.#predecessor;
      trace?.(this.#request.path, `waits for ticket ${entry.name}`);
      this.#watched = PREDECESSOR;
      this.#stopWatch = wake().watch(descriptor, entry.path, 'ticket', () => this.poke());
      this.#retries = Math.min(this.#retries, AFTER_WATCH);
    }
    return true;
  }

  /** Whether the one that was found ahead still is, and can take its turn as far as it shows. */
  #isBehind(): boolean {
    return this.#predecessor?.isAlive() === true && !isStopped(this.#predecessor);
  }

  /** At the head: try, and sleep until there is reason to try again. */
  #lead(): void {
    for (;;) {
      const grant = this.#contender.tryOnce();
      if (grant !== undefined) {
        this.#granted(grant);
        return;
      }
      const { descriptor, path, generation } = this.#contender.obstacle;
      if (generation === this.#watched) break;
      this.#unwatch();
      this.#watched = generation;
      trace?.(this.#request.path, `is at the head, and watches ${path}`);
      this.#stopWatch = wake().watch(descriptor, path, 'lock', () => this.poke());
      // and try once more: what changed before the watch was set raised no hint
    }
    this.#sleep(this.#nextPause());
  }

  /** The time is up without a hint. */
  #onBackstop(): void {
    trace?.(this.#request.path, 'had no hint, and looks again by timer');
    if (this.#place.join()) this.#unwatch(); // somebody removed the ticket: begin again, at the tail
    this.#outcome.moved(); // those far ahead may have gone
    if (this.#done) return; // ended by somebody who was told
    const hinted = this.#retries <= RETRIES_AFTER_HINT.length;
    if (!hinted && this.#isBehind()) this.#lookPast();
    else this.#step();
  }

  #lookPast(): void {
    try {
      if (!this.#seenFree) {
        this.#seenFree = this.#contender.isFree(this.#place.vacancy());
        this.#sleep(this.#seenFree ? SECOND_LOOK : this.#backstop);
        return;
      }
      this.#seenFree = false;
      trace?.(this.#request.path, 'saw the lock free twice, and passes a ticket that does not move');
      const grant = this.#contender.tryOnce();
      if (grant !== undefined) this.#granted(grant);
      else this.#step();
    } catch (error) {
      this.cancel();
      this.#outcome.failed(error);
    }
  }

  #nextPause(): number {
    return RETRIES_AFTER_HINT[this.#retries++] ?? this.#backstop;
  }

  get #backstop(): number {
    return Math.min(this.#request.pollInterval ?? wake().backstop - SECOND_LOOK, LONGEST_TIMER);
  }

  #sleep(pause: number): void {
    const { refusal } = wake();
    if (refusal !== undefined && !this.#told) {
      this.#told = true;
      this.#outcome.degraded(noEvents(this.#request.path, refusal, 'waiting goes on by timer'));
      if (this.#done) return; // ended by somebody who was told
    }
    this.#calm();
    if (pause === 0) this.#immediate = setImmediate(() => this.#step());
    else this.#timer = setTimeout(() => this.#onBackstop(), pause);
  }

  /** The ticket goes when the lock's user had its turn, or at the release, whichever comes first; the watch has time. */
  #granted(grant: KernelGrant): void {
    this.#done = true;
    this.#calm();
    grant.onRelease(() => this.#place.leave());
    setImmediate(() => {
      this.#unwatch();
      this.#place.leave();
    });
    this.#outcome.granted(grant);
  }

  #calm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  #unwatch(): void {
    this.#stopWatch();
    this.#stopWatch = () => {};
    this.#watched = NOTHING;
    this.#predecessor?.close();
    this.#predecessor = undefined;
  }
}

const NOTHING = -1;
const PREDECESSOR = -2;
