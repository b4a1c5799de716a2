import type { EngineName, LockRequest, Waiting, WaitOutcome } from '../engine.ts';

/** Starts a wait with an engine. */
export type StartWait = (engine: EngineName, outcome: WaitOutcome) => Waiting;

/** Tells which engine to go on with after an error, if any. Throws a better error that stands in its place. */
export type Follow = (request: LockRequest, error: unknown) => EngineName | undefined;

/** A wait that moves over to another engine when it meets that one's domain. */
export class ChoosingWait implements Waiting {
  readonly #request: LockRequest;
  readonly #outcome: WaitOutcome;
  readonly #start: StartWait;
  readonly #follow: Follow;
  #waiting: Waiting;
  #changes = 0;

  constructor(
    engine: EngineName,
    {
      request,
      outcome,
      start,
      follow,
    }: {
      readonly request: LockRequest;
      readonly outcome: WaitOutcome;
      readonly start: StartWait;
      readonly follow: Follow;
    },
  ) {
    this.#request = request;
    this.#outcome = outcome;
    this.#start = start;
    this.#follow = follow;
    this.#waiting = this.#with(engine);
  }

  get position(): number | undefined {
    return this.#waiting.position;
  }

  poke(): void {
    this.#waiting.poke();
  }

  cancel(): void {
    this.#waiting.cancel();
  }

  #with(engine: EngineName): Waiting {
    return this.#start(engine, { ...this.#outcome, failed: (error) => this.#onFailure(error) });
  }

  #onFailure(error: unknown): void {
    let next: EngineName | undefined;
    try {
      next = ++this.#changes > MOST_CHANGES ? undefined : this.#follow(this.#request, error);
    } catch (explained) {
      this.#outcome.failed(explained);
      return;
    }
    if (next === undefined) {
      this.#outcome.failed(error);
      return;
    }
    try {
      this.#waiting = this.#with(next);
    } catch (failure) {
      this.#onFailure(failure);
    }
  }
}

/** More changes than two in one wait mean that somebody deletes lock files. */
export const MOST_CHANGES = 4;
