import { clearImmediate, clearTimeout, performance, setImmediate, setTimeout } from '../../time/time.ts';

/** Milliseconds. */
const LONGEST_PAUSE = 50;
const AFTER_AN_ERROR = 250;

type State = 'idle' | 'due' | 'looking' | 'asked again' | 'closed';

/**
 * Looks when it is asked to, one look at a time. What is asked for in one turn of the event loop is one look, and what is asked for
 * during a look is one more after it. So the last look always began after the last time somebody asked.
 *
 * A look that took long is followed by a pause of that length, at most 50 ms: a file that is written to without an end
 * takes no more than half of this thread.
 */
export class Looks {
  readonly #look: () => unknown;
  #state: State = 'idle';
  #pause = 0;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(look: () => unknown) {
    this.#look = look;
  }

  ask(): void {
    if (this.#state === 'looking') this.#state = 'asked again';
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    this.#arm();
  }

  close(): void {
    this.#state = 'closed';
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
  }

  #arm(): void {
    const begin = () => void this.#run();
    if (this.#pause < 1) this.#immediate = setImmediate(begin).unref();
    else this.#timer = setTimeout(begin, this.#pause).unref();
  }

  async #run(): Promise<void> {
    this.#state = 'looking';
    const start = performance.now();
    try {
      await this.#look();
      this.#pause = Math.min(performance.now() - start, LONGEST_PAUSE);
      this.#end(this.#state);
    } catch {
      this.#pause = AFTER_AN_ERROR; // what passes is over then; what stays is for the look itself to tell
      this.ask();
      this.#end(this.#state);
    }
  }

  #end(state: State): void {
    if (state === 'closed') return;
    this.#state = state === 'asked again' ? 'due' : 'idle';
    if (this.#state === 'due') this.#arm();
  }
}
