import { closeSync, fstatSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { type PrivateFiles, privateFiles } from '../../storage/private-files.ts';

/** Bytes after which a log is put aside as `<log>.1`, in place of the one before. */
export const LOG_LIMIT = 16 * 1024 * 1024;

/** Where it is said how much came too late for the record, and did not fit in the log. */
export function droppedBeside(path: string): string {
  return `${path}.dropped`;
}

/**
 * One output of a command. It never takes more than twice its limit of the disk; of an output that is longer, the end
 * is kept. A disk that is full costs the log, not the command.
 */
export class LogFile {
  readonly path: string;
  readonly #limit: number;
  /** None once there is nowhere left to write to: the rest is dropped. */
  #fd: number | undefined;
  #size: number;
  readonly #isLast: boolean;
  #written = 0;
  #dropped = 0;
  #lost = 0;
  #aside = 0;
  #problem: string | undefined;

  /** @throws the system's error when it cannot be made. */
  constructor(path: string, limit = LOG_LIMIT, of: 'new' | 'old' = 'new') {
    this.path = path;
    this.#limit = limit;
    const name = basename(path);
    this.#fd = this.#inDirectory((files) => (of === 'new' ? files.make(name) : files.append(name)));
    this.#size = fstatSync(this.#fd).size;
    this.#isLast = of === 'old';
  }

  /**
   * Goes on with a log that its writer has closed. It is not put aside when it is full, for its run has told already what is
   * kept: the rest is dropped, and how much that is stands beside the log.
   */
  static resume(path: string): LogFile {
    return new LogFile(path, LOG_LIMIT, 'old');
  }

  #inDirectory<T>(body: (files: PrivateFiles) => T): T {
    return privateFiles(dirname(this.path), { link: 'refused' }, body);
  }

  /** What is to be known of it beside its content. */
  get summary(): LogSummary {
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    return { bytes: this.#written, dropped: this.#dropped, lost: this.#lost, ...problem };
  }

  /** Never throws: what the disk does not take is counted. */
  write(chunk: Uint8Array): void {
    this.#written += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      if (this.#fd === undefined) {
        this.#lose(chunk.length - at);
        return;
      }
      const room = Math.min(chunk.length - at, this.#limit - this.#size);
      at += this.#append(this.#fd, chunk.subarray(at, at + room));
      if (this.#size < this.#limit) continue;
      if (this.#isLast) this.close();
      else this.#rotate();
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
      this.close(); // what comes later must not stand right behind a gap
      this.#lose(part.length);
      return part.length;
    }
  }

  #rotate(): void {
    this.close();
    try {
      const name = basename(this.path);
      this.#inDirectory((files) => files.rename(name, `${name}.1`));
      this.#dropped += this.#aside;
      this.#aside = this.#size;
      this.#size = 0;
      this.#fd = this.#inDirectory((files) => files.make(name));
    } catch (error) {
      this.#fail(error);
    }
  }

  #lose(count: number): void {
    const isFirst = this.#dropped === 0;
    this.#dropped += count;
    this.#lost += count;
    if (isFirst) this.noteDropped();
  }

  /** Of a log that was gone on with: says beside it how much is not in it, for the record of the run is written. */
  noteDropped(): void {
    if (!this.#isLast || this.#dropped === 0) return;
    try {
      const name = basename(droppedBeside(this.path));
      this.#inDirectory((files) => files.write(name, String(this.#dropped)));
    } catch {
      // A full disk, or a later run has removed all of this one.
    }
  }

  #fail(error: unknown): void {
    this.#problem = systemCode(error) ?? String(error);
  }
}

export interface LogSummary {
  /** How much the command wrote. */
  readonly bytes: number;
  /** How much of that is not kept. */
  readonly dropped: number;
  /** How much of that is from its end. */
  readonly lost?: number;
  /** Why something is missing otherwise, such as `ENOSPC`. */
  readonly problem?: string;
}
