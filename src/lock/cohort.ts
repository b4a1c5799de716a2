import type { Grant, Mode } from '../engine/engine.ts';
import type { Request } from './request.ts';

/** A lock that is held in this thread. */
export interface Member {
  readonly request: Request;
  readonly grant: Grant;
  readonly isHeld: boolean;
  /** Milliseconds since the grant. */
  readonly held: number;
  /** The lock object that stands for it; let go once somebody else watches whether it is collected. */
  lock: object | undefined;
}

/** A request that waits in this thread. */
export interface Pending {
  readonly mode: Mode;
  /** It is first and nobody in this thread is in its way: contend with the other processes. Called again at each chance. */
  engage(): void;
}

/**
 * The requests of this thread for one lock: first come, first served, before any of them contends with other processes.
 * Only the first in line keeps a descriptor open, however many wait.
 */
export class Cohort {
  #exclusive: Member | undefined;
  readonly #shared: Member[] = [];
  readonly #queue: Pending[] = [];

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

  leave(holding: Member): void {
    if (holding === this.#exclusive) this.#exclusive = undefined;
    else this.#shared.splice(this.#shared.indexOf(holding), 1);
    this.#advance();
  }

  join(pending: Pending): void {
    this.#queue.push(pending);
    this.#advance();
  }

  /** Takes a request out of the line: it got the lock, or gave up. */
  withdraw(pending: Pending): void {
    const at = this.#queue.indexOf(pending);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#advance();
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

const MOST_UNUSED = 1024;
const cohorts = new Map<string, Cohort>();

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
