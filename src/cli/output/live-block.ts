import { clearInterval, setInterval } from '../../time/time.ts';
import { write } from './text.ts';

const REDRAW_MS = 100;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_TO_END = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/**
 * Some lines at the bottom of a terminal, redrawn in place. What else is printed goes above them by `above`. Until
 * `close`, the cursor is hidden. Does not keep the process alive.
 */
export class LiveBlock {
  readonly #lines: (width: number) => readonly string[];
  readonly #timer: NodeJS.Timeout;
  #height = 0;
  #isClosed = false;

  /** `lines`: none of them wider than `width`, which could not be redrawn in place. */
  constructor(lines: (width: number) => readonly string[]) {
    this.#lines = lines;
    write(2, HIDE_CURSOR);
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  /** Has something printed, to either output, as if the block were not there. */
  above(printLines: () => void): void {
    if (!this.#isClosed) write(2, this.#start() + ERASE_BELOW);
    this.#height = 0;
    printLines();
    if (!this.#isClosed) this.#draw();
  }

  /** Erases it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    write(2, this.#start() + ERASE_BELOW + SHOW_CURSOR);
  }

  #draw(): void {
    const { columns, rows } = process.stderr;
    const lines = this.#lines(Math.max(20, (columns || 80) - 1)).slice(0, Math.max(1, (rows || 24) - 1));
    const text = lines.map((line) => `${line}${ERASE_TO_END}\n`).join('');
    write(2, this.#start() + text + ERASE_BELOW);
    this.#height = lines.length;
  }

  /** To the first column of the first line. */
  #start(): string {
    return this.#height === 0 ? '\r' : `\r\u001b[${this.#height}A`;
  }
}
