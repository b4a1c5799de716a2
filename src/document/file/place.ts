import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemCode } from '../../errors/base.ts';
import { MissingDocumentError } from '../../errors/document-errors.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { fileResource, isUrl } from '../../lock/resource.ts';
import { DIRECTORY, isRoot, pathOfDescriptor } from '../../storage/fs/pinned.ts';
import { passOver, syncDirectory } from '../../storage/fs/sync-directory.ts';
import { absolute } from '../../storage/working-directory.ts';

/** Where the file of a document is. */
export interface Place {
  /** As the caller wrote it, made absolute. */
  readonly given: string;
  /** The file itself, after every link was followed; it need not exist. */
  readonly path: string;
  readonly directory: string;
  readonly name: string;
  /** The lock file beside it. */
  readonly lock: string;
}

/** @throws {InputError} for what is no path of this machine. */
export function givenPath(path: unknown): string {
  const text = isUrl(path) ? pathOf(path) : path;
  if (typeof text === 'string' && text !== '' && !text.includes('\0')) return absolute(text);
  throw new InputError('path', `must be the path or file: URL of a file, got ${shown(path)}`);
}

function pathOf(url: string | URL): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined; // another URL than of a file here
  }
}

/**
 * Follows the links of a path, once for each operation: whatever is then read, written, locked and synced lies in the
 * directory of the file itself. A link to nothing leads to the file that is still to be made.
 *
 * @throws {InputError} for links that lead in a circle.
 */
export function placeOf(given: string): Place {
  const { beside = given, path: lock } = fileResource(given, 'path');
  return { given, path: beside, directory: dirname(beside), name: basename(beside), lock };
}

/** The same in a directory that is there: a lock would make it. @throws {MissingDocumentError} */
export function standingPlaceOf(given: string): Place {
  const place = placeOf(given);
  if (!existsSync(place.directory)) throw new MissingDocumentError(given);
  return place;
}

/**
 * The directory of a document for as long as one operation lasts. As root, on Linux, its path leads to one and the same
 * directory however its owner moves things meanwhile.
 */
export class Folder {
  readonly #fd: number | undefined;
  /** The path by which names in it are used. */
  readonly path: string;
  readonly file: string;

  /** @throws the system's error when there is none. */
  constructor({ directory, name }: Place) {
    this.#fd = open(directory);
    const pinned = isRoot() && this.#fd !== undefined ? pathOfDescriptor(this.#fd) : undefined;
    this.path = pinned ?? directory;
    this.file = join(this.path, name);
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  /** Puts the names in it on the disk. @throws what the disk says. */
  sync(): void {
    if (this.#fd === undefined) return;
    try {
      fsyncSync(this.#fd);
    } catch (error) {
      passOver(error);
    }
  }

  /** The same beside this thread. */
  async syncLater(): Promise<void> {
    if (this.#fd !== undefined) await syncDirectory(this.path);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Undefined on Windows, which opens no directories, and where one may not read it. */
function open(directory: string): number | undefined {
  try {
    return openSync(directory, DIRECTORY);
  } catch (error) {
    if (['EISDIR', 'EPERM', 'EACCES'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
