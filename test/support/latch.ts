import { closeSync, openSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { makeFifo } from './tool.ts';

/** A process that opens `path` to read sleeps in the kernel, its event loop and all, until the latch is open. Not on Windows. */
export class Latch {
  readonly path: string;
  #fd: number | undefined;

  /** At a path where nothing is yet. */
  constructor(path: string) {
    makeFifo(path);
    this.path = path;
    onTestFinished(() => {
      if (this.#fd !== undefined) closeSync(this.#fd);
    });
  }

  /** For all who sleep there, and for those who come until the test is over. */
  open(): void {
    this.#fd ??= openSync(this.path, 'r+'); // to read as well, so that it waits for nobody
  }
}
