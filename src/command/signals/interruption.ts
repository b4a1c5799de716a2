import { FIRST, NEXT } from './passed.ts';
import { Interrupted } from './signals.ts';

/**
 * The signals this process gets on behalf of a command in a process group of its own, which gets none by itself. Before the
 * command runs, those that end a process end the wait; afterwards all of them are passed on, each time they come.
 */
export class Interruption {
  readonly #wait = new AbortController();
  readonly #early: NodeJS.Signals[] = [];
  #running = false;
  #take: ((signal: NodeJS.Signals) => void) | undefined;

  constructor() {
    for (const signal of FIRST) process.on(signal, () => this.#receive(signal));
  }

  /** Aborts with `Interrupted` at a signal before the command runs. */
  get wait(): AbortSignal {
    return this.#wait.signal;
  }

  /** The command is about to be started: what comes from now on is for it. */
  began(): void {
    this.#running = true;
    for (const signal of NEXT) process.on(signal, () => this.#receive(signal));
  }

  /** Has signals passed on by this function from now on, those that came meanwhile at once. */
  passTo(take: (signal: NodeJS.Signals) => void): void {
    this.#take = take;
    for (const signal of this.#early.splice(0)) take(signal);
  }

  #receive(signal: NodeJS.Signals): void {
    if (!this.#running) this.#wait.abort(new Interrupted(signal));
    else if (this.#take === undefined) this.#early.push(signal);
    else this.#take(signal);
  }
}
