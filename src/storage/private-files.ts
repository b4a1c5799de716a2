import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { SAFELY } from './fs/open-flags.ts';
import { isRoot, pinned, pinnedWhile } from './fs/pinned.ts';
import { closeQuietly } from './fs/quietly.ts';
import { differs, setRights } from './fs/rights.ts';
import { replaceSync } from './replace/index.ts';

const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND } = constants;
const MODE = 0o600;
const ATTEMPTS = 20;

/** Whether the directory may be given by a link, as a user may give his own, or must not, as one that Holdfast made. */
type Given = Parameters<typeof pinned>[1];

/**
 * The files of one user in one directory: the audit log, and what `once` records. Each has mode 0600 under every umask.
 *
 * Root may work in a directory of somebody else, with `sudo` and that user's HOME. What root makes there belongs to the owner
 * of the directory, who could not go on with it otherwise. Only a file that this very call made is given away, by its
 * descriptor; and names are made, replaced and removed in the one directory that is held, whatever is put in its place
 * meanwhile.
 */
export class PrivateFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(name: string): string {
    return join(this.#directory, name);
  }

  /** Makes a file where nothing stands, and opens it for writing. @throws the system's error. */
  make(name: string, flags = 0): number {
    const fd = openSync(this.pathOf(name), O_WRONLY | O_CREAT | O_EXCL | SAFELY | flags, MODE);
    try {
      this.complete(fd);
      return fd;
    } catch (error) {
      closeQuietly(fd);
      throw error;
    }
  }

  /** Gives a file that was just made in this directory its owner and mode. */
  complete(fd: number): void {
    const { uid, gid } = isRoot() ? statSync(this.#directory) : { uid: undefined, gid: undefined };
    const found = fstatSync(fd);
    if (differs(found, { uid, gid, mode: MODE })) setRights(fd, { uid, gid, mode: MODE }, found);
  }

  /** Opens a file to append to it, and makes it where there is none. @throws the system's error. */
  append(name: string): number {
    for (let attempt = 1; ; attempt++) {
      try {
        return openSync(this.pathOf(name), O_WRONLY | O_APPEND | SAFELY);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
      try {
        return this.make(name, O_APPEND);
      } catch (error) {
        if (systemCode(error) !== 'EEXIST' || attempt === ATTEMPTS) throw error; // somebody else has just made it
      }
    }
  }

  /** `complete`: gives the file other rights before anything is in it. @throws the system's error: `EEXIST` where something stands. */
  writeNew(name: string, content: string | Uint8Array, complete?: (fd: number) => void): void {
    const fd = this.make(name);
    try {
      complete?.(fd);
      writeFileSync(fd, content);
    } finally {
      closeSync(fd);
    }
  }

  /** The same, on the disk when this returns. Nothing is left of a file of which that cannot be said. */
  writeSynced(name: string, content: string | Uint8Array): void {
    const fd = this.make(name);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } catch (error) {
      this.remove(name);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** `writeNew` in the place of whatever file, or link, stands there. */
  write(name: string, content: string | Uint8Array, complete?: (fd: number) => void): void {
    this.remove(name);
    this.writeNew(name, content, complete);
  }

  rename(from: string, to: string): void {
    replaceSync(this.pathOf(from), this.pathOf(to));
  }

  /** Removes a file, if it is there. */
  remove(name: string): void {
    rmSync(this.pathOf(name), { force: true });
  }

  /** Removes a file, or a directory with all that is in it, if it is there. */
  removeWhole(name: string): void {
    if (isRoot()) removeBelow(this.#directory, name);
    else rmSync(this.pathOf(name), { recursive: true, force: true });
  }
}

/** Runs a body with the files of a directory that is there. @throws the system's error where it cannot be opened. */
export function privateFiles<T>(directory: string, given: Given, body: (files: PrivateFiles) => T): T {
  return pinned(directory, given, (path) => body(new PrivateFiles(path)));
}

/** The same for a body that takes its time. */
export function privateFilesWhile<T>(
  directory: string,
  given: Given,
  body: (files: PrivateFiles) => Promise<T>,
): Promise<T> {
  return pinnedWhile(directory, given, (path) => body(new PrivateFiles(path)));
}

/**
 * Removes by names in directories that are held, each opened in the one above it and never through a link: what is swapped
 * meanwhile leads nowhere else.
 */
function removeBelow(directory: string, name: string): void {
  const path = join(directory, name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  try {
    if (!found.isDirectory()) {
      unlinkSync(path);
      return;
    }
    pinned(path, { link: 'refused' }, (below) => {
      for (const each of readdirSync(below)) removeBelow(below, each);
    });
    rmdirSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error; // somebody else removes it too
  }
}
