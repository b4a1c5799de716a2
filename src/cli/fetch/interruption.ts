import { onLockEvent } from '../../events/channel.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Ends the process by the signal that it gets, but in order: the first one aborts `signal`, and the process ends of it in
 * `end`, when what it had begun is put away. A second one ends it at once, after `restore`.
 */
export class Interruption {
  readonly #abort = new AbortController();
  readonly #locks = new Locks();
  readonly #handlers: readonly (readonly [NodeJS.Signals, () => void])[];
  #received: NodeJS.Signals | undefined;

  constructor(restore: () => void) {
    this.#handlers = SIGNALS.map((name) => {
      const handler = () => {
        if (this.#received !== undefined) {
          restore();
          this.#die(name);
        }
        this.#received = name;
        this.#abort.abort(new DOMException(`interrupted by ${name}`, 'AbortError'));
      };
      process.on(name, handler);
      return [name, handler] as const;
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isReceived(): boolean {
    return this.#received !== undefined;
  }

  /** Resolves when this process holds no lock any more: a fetch that was aborted first keeps what it has. */
  untilPutAway(): Promise<void> {
    return this.#locks.untilFree();
  }

  /** Ends the process, if a signal came; never to return then. */
  end(): void {
    if (this.#received !== undefined) this.#die(this.#received);
    for (const [name, handler] of this.#handlers) process.off(name, handler);
    this.#locks.forget();
  }

  #die(signal: NodeJS.Signals): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
    process.kill(process.pid, signal);
  }
}

/** Which locks this process holds. */
class Locks {
  readonly #held = new Set<number>();
  #onFree: () => void = () => {};
  readonly #stop = [
    onLockEvent('granted', ({ id }) => this.#held.add(id)),
    onLockEvent('released', ({ id }) => this.#gone(id)),
    onLockEvent('lost', ({ id }) => this.#gone(id)),
  ];

  untilFree(): Promise<void> {
    return this.#held.size === 0 ? Promise.resolve() : new Promise((resolve) => (this.#onFree = resolve));
  }

  forget(): void {
    for (const stop of this.#stop) stop();
  }

  #gone(id: number): void {
    this.#held.delete(id);
    if (this.#held.size === 0) this.#onFree();
  }
}
