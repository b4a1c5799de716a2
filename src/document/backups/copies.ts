import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { READ_SAFELY, SAFELY } from '../../storage/fs/open-flags.ts';
import { pinned } from '../../storage/fs/pinned.ts';
import { unlinkQuietly } from '../../storage/fs/quietly.ts';
import { STICKY, setRights } from '../../storage/fs/rights.ts';
import { lstatOrNothing, statOrNothing } from '../../storage/fs/stat.ts';
import { syncDirectorySync } from '../../storage/fs/sync-directory.ts';
import { ABSENT } from '../../storage/regular-file.ts';
import { Date } from '../../time/time.ts';
import { readInto } from '../file/version.ts';
import { Names, type Stamp } from './names.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;
const PERMISSIONS = 0o777;
const MOST_TURNS = 100;
/** Bytes: no text of JavaScript is longer. */
const MOST = 0x1fffffe8;

export interface Copy extends Stamp {
  readonly name: string;
  readonly size: number;
}

/**
 * Copies of one file, beside it. Only regular files under exactly their names count, and only those whose owner could
 * change the file itself: a link, a FIFO, a directory, or what a stranger put into a directory that is everybody's is
 * not read, not followed and not removed.
 */
export class Copies {
  readonly #path: string;
  readonly #directory: string;
  readonly #names: Names;

  /** `path`: of the file itself, not of a link. `kind`: how the names end. */
  constructor(path: string, kind: string) {
    this.#path = path;
    this.#directory = dirname(path);
    this.#names = new Names(basename(path), kind);
  }

  /** The newest first. Those that a clock which was ahead has dated into the future come last. */
  list(now = Date.now()): Copy[] {
    return this.#inside((directory) => {
      const found = readdirSync(directory).flatMap((name) => {
        const stamp = this.#names.read(name);
        const stats = stamp && lstatOrNothing(join(directory, name));
        return isTrusted(stats, this.#path) ? [{ name, size: stats.size, ...(stamp as Stamp) }] : [];
      });
      const isAhead = ({ time }: Stamp) => Number(time > now);
      return found.sort((a, b) => isAhead(a) - isAhead(b) || b.time - a.time || b.turn - a.turn);
    });
  }

  /** Undefined when there is none of this name any more. @throws the system's error when it cannot be read. */
  read(name: string): Buffer | undefined {
    if (this.#names.read(name) === undefined) return undefined;
    return this.#inside((directory) => {
      try {
        const fd = openSync(join(directory, name), READ_SAFELY);
        try {
          const stats = fstatSync(fd);
          return isTrusted(stats, this.#path) ? readInto(Buffer.allocUnsafe(stats.size), fd) : undefined;
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        if (ABSENT.includes(systemCode(error) ?? '')) return undefined;
        throw error;
      }
    });
  }

  /** Whether one has these bytes. @throws the system's error when it cannot be read. */
  has({ name, size }: Copy, bytes: Uint8Array): boolean {
    return size === bytes.length && this.read(name)?.equals(bytes) === true;
  }

  /**
   * Makes a copy under a name that nothing has; returns the name. It may be read by whom the file itself may be read by at
   * most, from its first moment on, and belongs to the owner of the file as far as this user can see to that. What was
   * written is read back. `synced`: it is on the disk when this returns.
   *
   * @throws the system's error; nothing is left of the copy then.
   */
  make(bytes: Uint8Array, durability: 'synced' | 'later'): string {
    return this.#inside((directory) => {
      const { fd, name } = this.#open(directory);
      try {
        takeRights(fd, join(directory, basename(this.#path)));
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
        if (!readInto(Buffer.allocUnsafe(bytes.length), fd).equals(bytes))
          throw new Error(`${name} does not read as it was written`);
        if (durability === 'synced') fsyncSync(fd);
      } catch (error) {
        unlinkQuietly(join(directory, name));
        throw error;
      } finally {
        closeSync(fd);
      }
      if (durability === 'synced') syncDirectorySync(directory);
      return name;
    });
  }

  /** Puts one that is there on the disk. @throws the system's error. */
  sync(name: string): void {
    this.#inside((directory) => {
      const fd = openSync(join(directory, name), O_RDWR | SAFELY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      syncDirectorySync(directory);
    });
  }

  /** Removes one, if it is there. */
  remove(name: string): void {
    if (this.#names.read(name) === undefined) return;
    this.#inside((directory) => {
      const path = join(directory, name);
      if (isTrusted(lstatOrNothing(path), this.#path)) unlinkSync(path);
    });
  }

  #open(directory: string): { readonly fd: number; readonly name: string } {
    const time = Date.now();
    for (let turn = 0; ; turn++) {
      const name = this.#names.at({ time, turn });
      try {
        return { fd: openSync(join(directory, name), O_RDWR | O_CREAT | O_EXCL | SAFELY, 0o600), name };
      } catch (error) {
        if (systemCode(error) !== 'EEXIST' || turn === MOST_TURNS) throw error;
      }
    }
  }

  #inside<T>(body: (directory: string) => T): T {
    return pinned(this.#directory, { link: 'followed' }, body);
  }
}

/** Whether what stands beside a file is a file of one name, of somebody who could change that file itself. */
export function isTrusted(stats: Stats | undefined, file: string): stats is Stats {
  if (!stats?.isFile() || stats.nlink !== 1 || stats.size > MOST) return false;
  const directory = statOrNothing(dirname(file));
  const user = process.getuid?.();
  // Who may replace the file itself in an ordinary directory wins nothing by a copy of it.
  if (user === undefined || directory === undefined || (directory.mode & STICKY) === 0) return true;
  return [0, user, directory.uid, lstatOrNothing(file)?.uid].includes(stats.uid);
}

/** Gives what was made beside a file the rights of that. It keeps its own where there is none whose rights it could have. */
export function takeRights(fd: number, path: string): void {
  const file = lstatOrNothing(path);
  if (file?.isFile() !== true) return;
  setRights(fd, { uid: file.uid, gid: file.gid, mode: file.mode & PERMISSIONS });
}
