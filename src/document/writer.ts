import { DocumentTimeoutError, LinkedError } from '../errors/document-errors.ts';
import { LostError, TimeoutError } from '../errors/lock-errors.ts';
import { onLockEvent } from '../events/channel.ts';
import type { Lock } from '../lock/lock.ts';
import type { LockManager } from '../lock/manager.ts';
import { Rests } from '../time/rests.ts';
import { pause } from '../time/time.ts';
import type { DocumentEvents } from './events.ts';
import type { Place } from './file/place.ts';

/** One thing to be done under the lock. */
export interface Job {
  /** It was done, or has failed, and was told so. */
  isOver: boolean;
  failed: (error: unknown) => void;
  /** `patient`: it waits for the lock for as long as it takes. */
  patience?: 'patient' | undefined;
  /** How often its lock, or the file, was not the right one any more before anything was written. */
  losses?: number;
}

export interface WriterOptions<J> {
  /** Where these jobs are done. @throws what they fail with then, before anything is touched. */
  readonly placeOf: (jobs: readonly J[]) => Place;
  readonly locks: LockManager;
  readonly timeout: number | undefined;
  readonly holdLimit: number;
  readonly onWaiting: (event: DocumentEvents<unknown>['waiting']) => void;
}

/** Somebody waits who does not wait for as long as it takes. */
const HURRY = Symbol('hurry');

/** How often a job is tried again whose lock was lost, or whose path leads elsewhere by now. */
const MOST_LOSSES = 2;
/** Milliseconds before the first of these tries; twice as many before the next one. */
const PAUSE = 20;

/**
 * The one who works for a document: takes the lock, does all that is waiting then as one batch, in order, and goes on until
 * nothing waits. What comes during a batch is the next one, so other processes have their turn in between.
 */
export class Writer<J extends Job> {
  readonly #options: WriterOptions<J>;
  readonly #batch: (jobs: J[], lock: Lock, place: Place) => Promise<void>;
  #queue: J[] = [];
  #worker: Promise<void> | undefined;
  /** Timers and sockets have their turn after 20 ms of work. */
  readonly #rests = new Rests(20);
  /** The jobs of a batch that is under way, until each is over or waits again. */
  begun: J[] = [];
  /** Ends a wait for which nobody has set an end. */
  #calm: AbortController | undefined;
  /** The lock that is asked for now. */
  #wanted: string | undefined;
  /** Ends the telling of waits; listening for each batch anew would take longer than its lock does. */
  readonly close: () => void;

  constructor(options: WriterOptions<J>, batch: (jobs: J[], lock: Lock, place: Place) => Promise<void>) {
    this.#options = options;
    this.#batch = batch;
    this.close = onLockEvent('waiting', ({ path, holders, position, waited }) => {
      if (path === this.#wanted) options.onWaiting({ holders, position, waited });
    });
  }

  add(job: J): void {
    this.#queue.push(job);
    if (job.patience === undefined) this.#calm?.abort(HURRY);
    this.#worker ??= this.#work();
  }

  /** From now on nobody waits for longer than others do. */
  hurry(): void {
    for (const job of this.#queue) job.patience = undefined;
    this.#calm?.abort(HURRY);
  }

  /** All that has not been begun, for who does it in another way. */
  takeAll(): J[] {
    return this.#queue.splice(0);
  }

  get isIdle(): boolean {
    return this.#worker === undefined;
  }

  /** Resolves when nothing is waiting. */
  async idle(): Promise<void> {
    while (this.#worker !== undefined) await this.#worker;
  }

  async #work(): Promise<void> {
    await null; // what is asked for in the same turn is one batch
    while (this.#queue.length > 0) {
      if (this.#rests.isDue) await this.#rests.take(); // small updates that await each other would leave no turn
      let losses = 0;
      try {
        const { placeOf } = this.#options;
        const place = placeOf(this.#queue);
        await this.#locked(place, async (lock) => {
          if (placeOf(this.#queue).path !== place.path) return; // a link leads elsewhere by now
          // One that has lost its lock is done by itself: another one of its batch may have held it too long.
          this.begun = this.#queue[0]?.losses === undefined ? this.takeAll() : this.#queue.splice(0, 1);
          await this.#batch(this.begun, lock, place);
        });
      } catch (error) {
        if (error !== HURRY) losses = this.#failed(this.begun, error);
      } finally {
        this.begun = [];
      }
      if (losses > 0) await pause(PAUSE * 2 ** (losses - 1));
    }
    this.#worker = undefined;
  }

  async #locked(place: Place, body: (lock: Lock) => Promise<void>): Promise<void> {
    const { locks, timeout, holdLimit } = this.#options;
    const isCalm = this.#queue.every(({ patience }) => patience === 'patient');
    this.#calm = isCalm ? new AbortController() : undefined;
    const wait = isCalm ? Number.POSITIVE_INFINITY : timeout;
    this.#wanted = place.lock;
    try {
      await locks.with(
        { file: place.path },
        {
          holdLimit,
          purpose: 'document',
          detached: true, // the batch is the work of all who wait, not of the one who was first
          ...(wait !== undefined && { timeout: wait }),
          ...(this.#calm !== undefined && { signal: this.#calm.signal }),
        },
        (lock) => {
          this.#calm = undefined;
          this.#wanted = undefined;
          return body(lock);
        },
      );
    } finally {
      this.#calm = undefined;
      this.#wanted = undefined;
    }
  }

  /**
   * Without jobs, the lock was not granted, and all who wait are told; but those who wait for as long as it takes wait on.
   * Returns how often those were too late that are tried again because of that.
   */
  #failed(jobs: J[], error: unknown): number {
    const isLate = error instanceof LostError || error instanceof LinkedError;
    const isUnlucky = (job: J) => isLate && (job.losses ?? 0) < MOST_LOSSES;
    const isPatient = (job: J) =>
      jobs.length === 0 && error instanceof TimeoutError && job.patience === 'patient';
    const concerned = (jobs.length > 0 ? jobs : this.takeAll()).filter(({ isOver }) => !isOver);
    const again = concerned.filter((job) => isUnlucky(job) || isPatient(job));
    for (const job of again.filter(isUnlucky)) job.losses = (job.losses ?? 0) + 1;
    this.#queue.unshift(...again);
    for (const job of concerned.filter((each) => !again.includes(each))) job.failed(error);
    return Math.max(0, ...again.map(({ losses = 0 }) => losses));
  }
}

/** What a caller is told of a lock that was not free in time. `again` starts over. */
export function withChoices(
  path: string,
  error: unknown,
  again: (patience?: 'patient') => Promise<unknown>,
  giveUp: () => void,
): unknown {
  if (!(error instanceof TimeoutError)) return error;
  let isChosen = false;
  const once = (choice: () => Promise<unknown>) => () => {
    if (isChosen) return Promise.reject(error);
    isChosen = true;
    return choice();
  };
  return new DocumentTimeoutError(path, error, {
    retry: once(() => again()),
    later: once(() => again('patient')),
    cancel: () => {
      isChosen = true;
      giveUp();
    },
  });
}
