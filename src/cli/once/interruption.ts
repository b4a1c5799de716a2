import { Interrupted } from '../run/signals.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** The signals that end a wait, and stop a command that runs: it is in another process group, and gets none itself. */
export class Interruption {
  readonly #wait = new AbortController();
  readonly #stop = new AbortController();
  #running = false;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#receive(signal));
  }

  /** Aborts with `Interrupted` at a signal before the command runs. */
  get wait(): AbortSignal {
    return this.#wait.signal;
  }

  /** Aborts with the signal's name once the command runs. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  began(): void {
    this.#running = true;
  }

  #receive(signal: NodeJS.Signals): void {
    if (this.#running) this.#stop.abort(signal);
    else this.#wait.abort(new Interrupted(signal));
  }
}
