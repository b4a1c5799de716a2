import { clearInterval, performance, setInterval } from '../../time/time.ts';
import { coloursFor } from './colour.ts';
import { write } from './text.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const REDRAW_MS = 100;
const START_OF_LINE = '\r';
const ERASE_TO_END = '\u001b[K';

/** One line at the bottom of a terminal, redrawn in place until it is erased. Does not keep the process alive. */
export class LiveLine {
  readonly #text: (elapsed: number) => string;
  readonly #started = performance.now();
  readonly #colours = coloursFor(2);
  readonly #timer: NodeJS.Timeout;
  #frame = 0;

  constructor(text: (elapsed: number) => string) {
    this.#text = text;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  erase(): void {
    clearInterval(this.#timer);
    write(2, START_OF_LINE + ERASE_TO_END);
  }

  #draw(): void {
    const spinner = FRAMES[this.#frame++ % FRAMES.length] ?? '';
    // A line that wraps could not be redrawn in place.
    const room = Math.max(10, (process.stderr.columns || 80) - 3);
    const text = this.#text(performance.now() - this.#started);
    const fitting = text.length > room ? `${text.slice(0, room - 1)}…` : text;
    write(2, `${START_OF_LINE}${this.#colours.yellow(spinner)} ${fitting}${ERASE_TO_END}`);
  }
}
