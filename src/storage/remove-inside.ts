import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { inside, within } from './fs/inside.ts';
import { openUpOwn } from './fs/rights.ts';
import { lstatOrNothing } from './fs/stat.ts';
import { allowReplacing } from './replace/index.ts';

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

function removeTree(path: string): void {
  allowReplacing(path);
  if (lstatOrNothing(path)?.isDirectory() !== true) {
    unlinkSync(path);
    return;
  }
  if (isGone(path)) return;
  openUpOwn(path); // which whoever made it, or copied it, has left read-only
  within(path, (inner) => {
    for (const each of readdirSync(inner)) removeTree(join(inner, each));
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
