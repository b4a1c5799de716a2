import { shared } from '../copies/shared.ts';
import type { Grant, Mode } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { setImmediate } from '../time/time.ts';
import type { Request } from './request.ts';

/** A lock that is held in this thread. */
export interface Member {
  readonly request: Request;
  readonly grant: Grant;
  readonly isHeld: boolean;
  /** Milliseconds since the grant. */
  readonly held: number;
  /** @throws {LostError} when it is not held any more, looked up now. */
  assertHeld(): void;
  /** The lock object that stands for it; let go once somebody else watches whether it is collected. */
  lock: object | undefined;
}

/** A request that waits in this thread. */
export interface Pending {
  readonly mode: Mode;
  readonly request: Request;
  /** Milliseconds since it began. */
  readonly waited: number;
  /** Place in the line of all processes, as far as it is known. */
  readonly position: number;
  /** The same as the engine tells it, for the first of this thread. */
  readonly positionOfThread: number | undefined;
  /** It is first and nobody in this thread is in its way: contend with the other processes. Called again at each chance. */
  engage(): void;
  /** Takes over a grant from the holder before it. */
  accept(grant: Grant): void;
}

/**
 * The requests of this thread for one lock: first come, first served, before any of them contends with other processes.
 * Only the first in line keeps a descriptor open, however many wait.
 */
export class Cohort {
  #exclusive: Member | undefined;
  /** How often in a row the lock was handed on within this thread. */
  #turns = 0;
  readonly #shared: Member[] = [];
  readonly #queue: Pending[] = [];
  /** The next in line is going to be told that it is. */
  #advances = false;

  get members(): readonly Member[] {
    return this.#exclusive === undefined ? this.#shared : [this.#exclusive];
  }

  get isUnused(): boolean {
    return this.#exclusive === undefined && this.#shared.length === 0 && this.#queue.length === 0;
  }

  /** Nobody in this thread waits before, or holds what keeps out, a newcomer of this mode. */
  isOpenTo(mode: Mode): boolean {
    return this.#queue.length === 0 && this.#admits(mode);
  }

  enter(holding: Member): void {
    if (holding.request.mode === 'exclusive') this.#exclusive = holding;
    else this.#shared.push(holding);
  }

  /**
   * Ends a member's hold: the lock goes to the next in this thread's line without a system call, or back to the engine.
   * After a number of such turns, another process that waits comes first (lock cohorting: Dice, Marathe & Shavit, 2012).
   */
  release(holding: Member): void {
    const heir = holding === this.#exclusive ? this.#queue[0] : undefined;
    const grant =
      heir !== undefined && heir.request.terms === holding.request.terms && this.#mayKeep(holding)
        ? holding.grant.passTo(heir.request)
        : undefined;
    if (grant === undefined || heir === undefined) {
      this.#turns = 0;
      holding.grant.release();
      this.leave(holding);
    } else {
      this.#turns++;
      this.#exclusive = undefined;
      heir.accept(grant);
    }
  }

  #mayKeep({ request }: Member): boolean {
    if (this.#turns < MOST_TURNS) return true;
    if (engine.isContended(request.path)) return false;
    this.#turns = 0;
    return true;
  }

  /** A member's lock changed its mode. */
  change(holding: Member): void {
    if (holding.request.mode === 'exclusive') {
      this.#shared.splice(this.#shared.indexOf(holding), 1);
      this.#exclusive = holding;
    } else {
      this.#exclusive = undefined;
      this.#shared.push(holding);
      this.#advance();
    }
  }

  /** Ends the hold of a member whose lock is lost. */
  leave(holding: Member): void {
    if (holding === this.#exclusive) this.#exclusive = undefined;
    else this.#shared.splice(this.#shared.indexOf(holding), 1);
    this.#advance();
  }

  join(pending: Pending): void {
    this.#queue.push(pending);
    this.#advance();
  }

  /** Takes a request out of the line that got the lock: the next one may share it. */
  withdraw(pending: Pending): void {
    if (this.#take(pending)) this.#advance();
  }

  /**
   * Takes a request out of the line that gave up. The next one contends with the other processes when this turn of the
   * event loop is over: thousands may give up together, and each would begin only to give up.
   */
  giveUp(pending: Pending): void {
    if (!this.#take(pending) || this.#advances) return;
    this.#advances = true;
    setImmediate(() => {
      this.#advances = false;
      this.#advance();
    });
  }

  #take(pending: Pending): boolean {
    const at = this.#queue.indexOf(pending);
    if (at >= 0) this.#queue.splice(at, 1);
    return at >= 0;
  }

  /** 1 for the first in line. */
  positionOf(pending: Pending): number {
    return this.#queue.indexOf(pending) + 1;
  }

  get queue(): readonly Pending[] {
    return this.#queue;
  }

  #admits(mode: Mode): boolean {
    return this.#exclusive === undefined && (mode === 'shared' || this.#shared.length === 0);
  }

  #advance(): void {
    const head = this.#queue[0];
    if (head !== undefined && this.#admits(head.mode)) head.engage();
  }
}

/** How often a thread may hand a lock on to itself while other processes wait. */
const MOST_TURNS = 32;

const MOST_UNUSED = 1024;
const cohorts = shared('cohorts', () => new Map<string, Cohort>());

export function cohortOf(path: string): Cohort {
  let cohort = cohorts.get(path);
  if (cohort === undefined) {
    if (cohorts.size >= MOST_UNUSED) dropUnused();
    cohort = new Cohort();
    cohorts.set(path, cohort);
  }
  return cohort;
}

/** Every lock this thread holds, or waits for. */
export function allCohorts(): Iterable<Cohort> {
  return cohorts.values();
}

function dropUnused(): void {
  for (const [path, cohort] of cohorts) if (cohort.isUnused) cohorts.delete(path);
}
