import { randomBytes } from 'node:crypto';
import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { inside, within } from './fs/inside.ts';
import { openUpOwn } from './fs/rights.ts';
import { lstatOrNothing } from './fs/stat.ts';
import { allowReplacing, replaceSync } from './replace/index.ts';

/**
 * Removes what lies at a path below a directory, with all that is in it, read-only or not. On Linux, nothing elsewhere is removed, whatever
 * others put in the place of a directory on the way meanwhile: each is opened in the one above, and is no link.
 *
 * @throws the system's error: `ENOTDIR` for a link on the way.
 */
export function removeInside(root: string, path: string): void {
  inside(root, path, removeTree);
}

/** The same of what may be gone already. */
export function clearInside(root: string, path: string): void {
  try {
    removeInside(root, path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** The same, as far as it can be removed. */
export function clearInsideQuietly(root: string, path: string): void {
  try {
    removeInside(root, path);
  } catch {
    // Gone, or something in it cannot be removed.
  }
}

/** Levels that are gone down, with a descriptor for each on Linux. */
const DEEPEST = 16;
/** Bytes of a path below the top: macOS takes a thousand in all. On Linux, the path to each level is that of its descriptor. */
const LONGEST = 256;
/** Levels that are gone down where nothing can be moved up, such as on an overlay that does not rename directories. */
const DEEPEST_UNMOVED = 256;

/**
 * Of any depth, with few descriptors, short paths and few calls on the stack.
 *
 *  1. The directory at the path is opened: the top T. What is in it is removed from below, some levels deep.
 *  2. A directory that lies deeper, D, is renamed to a new name in T. On Linux, T and the directory above D are both open, so
 *     neither end of the rename leads elsewhere; it moves what has D's name, and a link as a link.
 *  3. What was moved is removed as all that is in T: each time some levels less are left. P dies: T is still there,
 *     and less deep; nothing is outside of it.
 */
function removeTree(path: string, top?: Top, depth = 0): void {
  allowReplacing(path);
  if (lstatOrNothing(path)?.isDirectory() !== true) {
    unlinkSync(path);
    return;
  }
  if (isGone(path)) return;
  openUpOwn(path); // which whoever made it, or copied it, has left read-only
  if (top?.takes(path, depth) === true) return;
  within(path, (inner) => {
    const names = readdirSync(inner);
    const highest = top ?? new Top(inner, names);
    for (const each of names) removeTree(join(inner, each), highest, depth + 1); // also what is moved up meanwhile
  });
  rmdirSync(path);
}

/** An empty directory goes whether or not one may look into it. */
function isGone(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    return false;
  }
}

/** The directory that is removed, with what is still to be removed in it. */
class Top {
  readonly #path: string;
  readonly #names: string[];

  constructor(path: string, names: string[]) {
    this.#path = path;
    this.#names = names;
  }

  /** Moves up a directory that lies deep; false for one that is to be removed where it is. */
  takes(path: string, depth: number): boolean {
    const isNear = depth <= DEEPEST && Buffer.byteLength(path) - Buffer.byteLength(this.#path) <= LONGEST;
    if (isNear) return false;
    const name = `moved-up.${randomBytes(8).toString('hex')}`;
    try {
      replaceSync(path, join(this.#path, name));
    } catch (error) {
      if (depth <= DEEPEST_UNMOVED) return false;
      const { code = '' } = error as NodeJS.ErrnoException;
      throw Object.assign(new Error(`${path} lies too deep to be removed, and cannot be moved up: ${code}`), {
        code,
        path,
      });
    }
    this.#names.push(name);
    return true;
  }
}
