import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Lock } from '../lock/lock.ts';
import { unlinkQuietly } from '../storage/fs/quietly.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { Date } from '../time/time.ts';
import type { Layout } from './layout.ts';
import { excludes } from './produce.ts';

/** Milliseconds after which nobody is at work any more on a file that did not change. */
const ABANDONED = 86_400_000;
const END = '.mirror';

/**
 * Where the temporary file of a mirror goes. Under a lock that keeps all others out, that is one path, and what is there was
 * left by a process that died: it is removed. Elsewhere several may make the mirror at once, and each has a name of its own;
 * what one of them leaves that dies is removed by the next one, a day later. So it is where the one path is taken by what
 * cannot be removed, or no process of Holdfast leaves, such as a directory: that stays as it is.
 */
export function temporaryOf(layout: Layout, lock: Lock | undefined, key: string, target: string): string {
  const directory = dirname(target);
  const stem = stemOf(layout, key, target);
  if (lock !== undefined && excludes(lock) && isFree(join(directory, stem + END)))
    return join(directory, stem + END);
  removeAbandoned(directory, stem);
  return join(directory, `${stem}-${randomBytes(8).toString('hex')}${END}`);
}

/** Whether nothing is at a path any more. */
function isFree(path: string): boolean {
  const found = lstatOrNothing(path);
  if (found?.isFile() === true || found?.isSymbolicLink() === true) unlinkQuietly(path);
  return lstatOrNothing(path) === undefined;
}

/** One for each key, cache and target. */
function stemOf(layout: Layout, key: string, target: string): string {
  const hash = createHash('sha256').update(`${layout.directory}\0${layout.nameOf(key)}\0${target}`);
  return `.holdfast-${hash.digest('hex').slice(0, 20)}`;
}

function removeAbandoned(directory: string, stem: string): void {
  for (const path of temporariesIn(directory, stem)) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.ctimeMs > ABANDONED) unlinkQuietly(path);
  }
}

/** None in a directory that is still to be made, or cannot be listed. */
function temporariesIn(directory: string, stem: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.startsWith(`${stem}-`) && name.endsWith(END));
    return names.map((name) => join(directory, name));
  } catch {
    return [];
  }
}
