import { write } from './text.ts';

const ALTERNATE = '\u001b[?1049h\u001b[?25l';
const NORMAL = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

/** The whole terminal, redrawn in place, until q or Ctrl-C; then what was there before is back, as it is while Ctrl-Z lasts. */
export class Screen {
  #closed = false;
  #onClose: () => void = () => {};

  constructor() {
    this.#take();
    process.once('SIGTERM', () => this.close());
    process.once('SIGHUP', () => this.close());
    process.on('SIGCONT', () => this.#take());
    if (!process.stdin.isTTY) return;
    process.stdin.on('data', (keys) => {
      if (/[qQ]/.test(String(keys)) || String(keys).includes(CTRL_C)) this.close();
      else if (String(keys).includes(CTRL_Z)) this.#suspend();
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  onClose(callback: () => void): void {
    this.#onClose = callback;
  }

  /** False when the terminal is gone. */
  draw(text: string): boolean {
    const room = Math.max(1, (process.stdout.rows || 24) - 1);
    const lines = text.split('\n').slice(0, room);
    return write(1, HOME + lines.map((line) => `${line}${ERASE_LINE}\n`).join('') + ERASE_BELOW);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#give();
    if (process.stdin.isTTY) process.stdin.pause();
    this.#onClose();
  }

  /** The terminal sends no signals in raw mode: what a Ctrl-Z stops is what it would have stopped. */
  #suspend(): void {
    this.#give();
    process.kill(0, 'SIGTSTP');
  }

  #take(): void {
    if (this.#closed) return;
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    write(1, ALTERNATE);
  }

  #give(): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    write(1, NORMAL);
  }
}
