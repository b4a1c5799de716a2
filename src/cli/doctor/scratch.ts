import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isRoot, pinnedWhile } from '../../storage/fs/pinned.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { privateFiles } from '../../storage/private-files.ts';

const PREFIX = '.holdfast-doctor-';
const ATTEMPTS = 5;

/**
 * Where a trial will take place: a directory of its own inside the one that is looked at. It is named before it is made,
 * so that whoever is to remove it knows it in time.
 */
export function nameScratch(directory: string): string {
  return join(directory, PREFIX + randomBytes(8).toString('hex'));
}

export function makeScratch(path: string): void {
  mkdirSync(path, 0o700);
}

/**
 * Runs a trial with a path of the scratch directory. For root on Linux, that path leads there for this process and its
 * partners, whatever the owner of the directory around it puts in its place. No other user can make anything in it.
 *
 * @throws {Error} something else was put there already.
 */
export function inScratch<T>(path: string, trial: (path: string) => Promise<T>): Promise<T> {
  return pinnedWhile(path, { link: 'refused' }, (held) => {
    if (isRoot() && !isOurs(held)) throw new Error(`${path} was replaced by another user`);
    return trial(held.replace(/^\/proc\/self\//, `/proc/${process.pid}/`));
  });
}

function isOurs(path: string): boolean {
  const { uid, mode } = statSync(path);
  return uid === process.geteuid?.() && (mode & 0o077) === 0 && readdirSync(path).length === 0;
}

/** Removes it with all that is in it, if it can be seen there, and never anything that is no such directory. */
export function removeScratch(path: string): void {
  if (!basename(path).startsWith(PREFIX)) return;
  for (let attempt = 1; ; attempt++) {
    try {
      const found = lstatOrNothing(path);
      if (found === undefined || (isRoot() && isReplaced(found))) return;
      privateFiles(dirname(path), { link: 'followed' }, (files) => files.removeWhole(basename(path)));
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error; // until then it may be that two remove it at once
    }
  }
}

/** Whether another user put something of his own there, which is his to remove. */
function isReplaced({ uid }: Stats): boolean {
  return uid !== process.geteuid?.();
}
