import { OnceFailedError } from '../errors/once-errors.ts';
import { onLockEvent } from '../events/channel.ts';
import type { Job, Outcome } from './job.ts';
import { awaitedEnd, awaitedOutcome } from './run.ts';

/** Those in this thread who wait. */
const waiting = new Set<Meanwhile>();

/**
 * Looks for the outcome of the run that a call waits for, for its stop, and for the end of its last attempt, while others
 * have the lock, whose runs may be long: at first, and whenever one of those before the call has got it. An outcome is on
 * record before the lock passes to anybody, and so is a stop.
 */
export class Meanwhile {
  /** Settles as `takeTurn` would, if any of these is seen before the end. */
  readonly outcome: Promise<Outcome>;
  readonly #path: string;
  readonly #job: Job;
  readonly #stopListening: () => void;
  #resolve: (outcome: Outcome) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(path: string, job: Job) {
    this.#path = path;
    this.#job = job;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    waiting.add(this);
    this.#stopListening = onLockEvent('waiting', (event) => {
      if (event.path === path) void this.#look();
    });
  }

  /** The call has the lock, or waits no more. For others in this thread the lock has passed to somebody before them. */
  end(): void {
    if (!waiting.delete(this)) return;
    this.#stopListening();
    for (const other of waiting) if (other.#path === this.#path) void other.#look();
  }

  /** What cannot be read is an error of the turn. */
  async #look(): Promise<void> {
    try {
      const end = awaitedEnd(this.#job);
      if (end !== undefined) this.#reject(end);
      if (!this.#hasNews) return;
      const terms = await this.#job.terms();
      const outcome = waiting.has(this) ? awaitedOutcome(this.#path, this.#job, terms) : undefined;
      if (outcome !== undefined) this.#resolve(outcome);
    } catch (error) {
      if (error instanceof OnceFailedError) this.#reject(error);
    }
  }

  get #hasNews(): boolean {
    const { store, before } = this.#job;
    return store.success()?.header.id !== before.success || store.failure()?.header.id !== before.failure;
  }
}
