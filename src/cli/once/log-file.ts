import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';

/** Bytes after which a log is put aside as `<log>.1`, in place of the one before. */
export const LOG_LIMIT = 16 * 1024 * 1024;

/**
 * One output of a command. It never takes more than twice its limit of the disk; of an output that is longer, the end
 * is kept. A disk that is full costs the log, not the command.
 */
export class LogFile {
  readonly path: string;
  readonly #limit: number;
  /** None once there is nowhere left to write to: the rest is dropped. */
  #fd: number | undefined;
  #size = 0;
  #written = 0;
  #dropped = 0;
  #aside = 0;
  #problem: string | undefined;

  /** @throws the system's error when it cannot be made. */
  constructor(path: string, limit = LOG_LIMIT) {
    this.path = path;
    this.#limit = limit;
    this.#fd = openSync(path, 'wx', 0o600);
  }

  /** What is to be known of it beside its content. */
  get summary(): LogSummary {
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    return { bytes: this.#written, dropped: this.#dropped, ...problem };
  }

  /** Never throws: what the disk does not take is counted. */
  write(chunk: Uint8Array): void {
    this.#written += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      if (this.#fd === undefined) {
        this.#dropped += chunk.length - at;
        return;
      }
      const room = Math.min(chunk.length - at, this.#limit - this.#size);
      at += this.#append(this.#fd, chunk.subarray(at, at + room));
      if (this.#size >= this.#limit) this.#rotate();
    }
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd === undefined) return;
    try {
      closeSync(fd);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Returns how much of it is dealt with: all of it, if the disk takes none. */
  #append(fd: number, part: Uint8Array): number {
    try {
      const count = writeSync(fd, part);
      this.#size += count;
      return count;
    } catch (error) {
      this.#fail(error);
      this.#dropped += part.length;
      return part.length;
    }
  }

  #rotate(): void {
    this.close();
    try {
      renameSync(this.path, `${this.path}.1`);
      this.#dropped += this.#aside;
      this.#aside = this.#size;
      this.#size = 0;
      this.#fd = openSync(this.path, 'wx', 0o600);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#problem = systemCode(error) ?? String(error);
  }
}

export interface LogSummary {
  /** How much the command wrote. */
  readonly bytes: number;
  /** How much of its beginning is not kept. */
  readonly dropped: number;
  /** Why something is missing otherwise, such as `ENOSPC`. */
  readonly problem?: string;
}
