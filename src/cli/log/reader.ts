import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { namesPutAside } from '../../events/audit.ts';
import { O_NONBLOCK } from '../../storage/fs/open-flags.ts';
import { lstatOrNothing, statOrNothing } from '../../storage/fs/stat.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** A file of the log that is read as it grows. */
interface OpenFile {
  readonly fd: number;
  readonly inode: number;
  /** Where the next line begins. */
  at: number;
}

/** One may still get a line from a process that found it in place just before it was put aside. */
const MOST_OPEN = 2;

/**
 * Reads a log with the files that are put aside when they are full. No line is passed over: what was put aside between
 * two looks is read to its end, before what came after it. A log that was never written has no lines.
 */
export class LogReader {
  readonly #path: string;
  /** The names of the files put aside that were read, or are too old to be read. */
  readonly #known = new Set<string>();
  /** The last one is the newest. */
  #open: OpenFile[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** The last lines there are; `next` goes on behind them. */
  last(count: number): string[] {
    this.#openNewest();
    const lines = this.#readOpen();
    const aside = this.#putAside();
    for (const name of aside) this.#known.add(name);
    for (const name of aside.reverse()) {
      if (lines.length >= count) break;
      lines.unshift(...this.#readAside(name));
    }
    return lines.slice(Math.max(0, lines.length - count));
  }

  /** The lines that came since the last call. */
  next(): string[] {
    const lines = this.#readOpen();
    if (statOrNothing(this.#path)?.ino === this.#open.at(-1)?.inode) return lines;
    const missed = this.#putAside().filter((name) => !this.#known.has(name));
    lines.push(...this.#readOpen()); // what was written before it was put aside
    for (const name of missed) {
      lines.push(...this.#readAside(name));
      this.#known.add(name);
    }
    this.#openNewest();
    return [...lines, ...this.#readOpen()];
  }

  close(): void {
    for (const { fd } of this.#open) closeSync(fd);
    this.#open = [];
  }

  #openNewest(): void {
    const fd = openOrNothing(this.#path);
    if (fd === undefined) return;
    const inode = fstatSync(fd).ino;
    if (this.#open.some((file) => file.inode === inode)) {
      closeSync(fd);
      return;
    }
    this.#open.push({ fd, inode, at: 0 });
    if (this.#open.length > MOST_OPEN) closeSync((this.#open.shift() as OpenFile).fd);
  }

  #readOpen(): string[] {
    return this.#open.flatMap((file) => {
      if (fstatSync(file.fd).size < file.at) file.at = 0; // emptied by somebody, and written to since
      const bytes = wholeLines(file.fd, file.at);
      file.at += bytes.length;
      return split(bytes);
    });
  }

  /** All of a file put aside; nothing of one that is open here, for that has been read. */
  #readAside(name: string): string[] {
    const fd = openOrNothing(join(dirname(this.#path), name));
    if (fd === undefined) return [];
    try {
      const { ino } = fstatSync(fd);
      return this.#open.some(({ inode }) => inode === ino) ? [] : split(wholeLines(fd, 0));
    } finally {
      closeSync(fd);
    }
  }

  /** The names of the files put aside, oldest first. Of an empty one, the name is only reserved. */
  #putAside(): string[] {
    const directory = dirname(this.#path);
    const isOne = (name: string) => {
      const found = statOrNothing(join(directory, name));
      return found?.isFile() === true && found.size > 0;
    };
    try {
      return namesPutAside(basename(this.#path), readdirSync(directory)).filter(isOne);
    } catch {
      return []; // not made yet
    }
  }
}

/**
 * Undefined where there is none. Waits for nobody, whatever stands there.
 *
 * @throws {CliError} for what is no file, and for a link that leads nowhere. @throws the system's error.
 */
function openOrNothing(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    if (lstatOrNothing(path)?.isSymbolicLink() !== true) return undefined;
    throw unreadable(path, 'is a symbolic link that leads nowhere, and nothing is logged through a link');
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw unreadable(path, 'is not a file');
}

function unreadable(path: string, what: string): CliError {
  const problem = `the audit log ${printable(path)} ${what}. Move it away, or write no log (HOLDFAST_AUDIT=off)`;
  return new CliError(exitCodes.failure, 'HOLDFAST_UNREADABLE', problem, { file: path });
}

/** Everything in a file from an offset to the last line end. */
function wholeLines(fd: number, offset: number): Buffer {
  const size = Math.max(0, fstatSync(fd).size - offset);
  const bytes = Buffer.alloc(size);
  const length = readSync(fd, bytes, 0, size, offset);
  return bytes.subarray(0, bytes.subarray(0, length).lastIndexOf(10) + 1);
}

function split(bytes: Buffer): string[] {
  return bytes.toString().split('\n').filter(Boolean);
}
