import { closeSync, fstatSync, readSync, statSync, watch } from 'node:fs';
import type { Store } from '../../once/store.ts';
import { openOwnFile } from '../../storage/own-file.ts';
import { write } from '../output/text.ts';
import { logPath, type Run } from './present.ts';

const LOOK_EVERY = 100;
const CHUNK = 65_536;

/** Copies the logs of a run to this process' output while they grow, through their rotation. */
export class LogFollower {
  readonly #tails: readonly Tail[];
  readonly #timer: NodeJS.Timeout;
  readonly #watcher: { close(): void } | undefined;

  constructor(store: Store, run: Run) {
    this.#tails = [new Tail(logPath(store, run, 'stdout'), 1), new Tail(logPath(store, run, 'stderr'), 2)];
    this.#watcher = watchOrNothing(store.runDirectory(run), () => this.look());
    this.#timer = setInterval(() => this.look(), LOOK_EVERY);
    this.look();
  }

  look(): void {
    for (const tail of this.#tails) tail.look();
  }

  /** Copies what is still to come of a run that is over, and stops. */
  end(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
    this.look();
    for (const tail of this.#tails) tail.close();
  }
}

class Tail {
  readonly #path: string;
  readonly #to: 1 | 2;
  #fd: number | undefined;

  constructor(path: string, to: 1 | 2) {
    this.#path = path;
    this.#to = to;
  }

  /** The writer closes a full log before it puts it aside, so what is open here can be read to its end first. */
  look(): void {
    for (;;) {
      this.#fd ??= openOwnFile(this.#path);
      if (this.#fd === undefined) return;
      this.#copy(this.#fd);
      if (statSync(this.#path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino) return;
      this.#copy(this.#fd);
      this.close();
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #copy(fd: number): void {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
      write(this.#to, buffer.subarray(0, count));
    }
  }
}

/** The timer goes on without events. */
function watchOrNothing(path: string, onChange: () => void): { close(): void } | undefined {
  try {
    return watch(path, onChange).on('error', () => {});
  } catch {
    return undefined;
  }
}
