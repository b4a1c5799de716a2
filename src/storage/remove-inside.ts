import { closeSync, constants, openSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { O_NOFOLLOW } from './fs/open-flags.ts';
import { O_PATH, pathOfDescriptor } from './fs/pinned.ts';
import { openUpOwn } from './fs/rights.ts';
import { lstatOrNothing } from './fs/stat.ts';
import { allowReplacing } from './replace/index.ts';

const { O_DIRECTORY = 0 } = constants;

/**
 * Removes what lies at a path below a directory, with all that is in it, read-only or not. On Linux, nothing elsewhere is removed, whatever
 * others put in the place of a directory on the way meanwhile: each is opened in the one above, and is no link.
 *
 * @throws the system's error: `ENOTDIR` for a link on the way.
 */
export function removeInside(root: string, path: string): void {
  removeBelow(root, relative(root, path).split(sep));
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

function removeBelow(directory: string, [name = '', ...rest]: readonly string[]): void {
  if (rest.length === 0) removeTree(directory, name);
  else within(join(directory, name), (inner) => removeBelow(inner, rest));
}

function removeTree(directory: string, name: string): void {
  const path = join(directory, name);
  allowReplacing(path);
  if (lstatOrNothing(path)?.isDirectory() !== true) {
    unlinkSync(path);
    return;
  }
  if (isGone(path)) return;
  openUpOwn(path); // which whoever made it, or copied it, has left read-only
  within(path, (inner) => {
    for (const each of readdirSync(inner)) removeTree(inner, each);
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

/** Runs a body with a path that leads to this very directory. */
function within(path: string, body: (directory: string) => void): void {
  if (pathOfDescriptor(0) === undefined) {
    if (lstatOrNothing(path)?.isDirectory() === false) {
      throw Object.assign(new Error(`${path} is no directory`), { code: 'ENOTDIR', path });
    }
    body(path); // no way to hold on to it
    return;
  }
  const fd = openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const inner = pathOfDescriptor(fd) ?? path;
  try {
    body(inner);
  } catch (error) {
    throw renamed(error, inner, path);
  } finally {
    closeSync(fd);
  }
}

/** The system's error with the path that people know. */
function renamed(error: unknown, inner: string, path: string): unknown {
  const { path: at, message } = error as Partial<NodeJS.ErrnoException>;
  if (at === undefined || message === undefined || !(at === inner || at.startsWith(`${inner}${sep}`)))
    return error;
  const outer = path + at.slice(inner.length);
  return Object.assign(error as Error, { path: outer, message: message.replace(at, () => outer) });
}
