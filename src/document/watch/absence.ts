import { clearTimeout, performance, setTimeout } from '../../time/time.ts';

/** Milliseconds. */
const LONG = 300;

/**
 * Tells when a file is missing, and not only for the moment in which an editor deletes it and makes it again: it
 * is, once looks have found nothing for 300 ms. Told once, until it was there again.
 */
export class Absence {
  readonly #look: () => void;
  readonly #onMissing: () => void;
  #since: number | undefined;
  #isTold = false;
  #timer: NodeJS.Timeout | undefined;

  /** `look`: asks for one more look, whose finding is noted here. */
  constructor(look: () => void, onMissing: () => void) {
    this.#look = look;
    this.#onMissing = onMissing;
  }

  /** What a look has found. */
  note(found: 'file' | 'nothing'): void {
    if (found === 'file') {
      this.close();
      this.#isTold = false;
      return;
    }
    if (this.#isTold) return;
    this.#since ??= performance.now();
    const left = this.#since + LONG - performance.now();
    clearTimeout(this.#timer);
    if (left > 0) {
      this.#timer = setTimeout(this.#look, Math.ceil(left)).unref();
      return;
    }
    this.#isTold = true;
    this.#onMissing();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#since = undefined;
  }
}
