import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { adviceOn } from '../errors/advice.ts';
import { HoldfastError } from '../errors/base.ts';
import { ANOTHER, CacheDirectoryError } from '../errors/cache-errors.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import type { Layout } from './layout.ts';

const { W_OK, X_OK } = constants;
const REFUSALS = ['EACCES', 'EPERM', 'EROFS'];

/** What the system refused in a cache, as the error of one that cannot be written; anything else as it is. */
export function refused(layout: Layout, error: unknown): unknown {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === 'EXDEV') return divided(layout, 'what is mounted in it', error);
  return error instanceof HoldfastError || !REFUSALS.includes(code) ? error : unwritable(layout, error, code);
}

/** Says whose directory is in the way, and what helps there. `code`: the system's for the error. */
export function unwritable(layout: Layout, error: unknown, code: string): CacheDirectoryError {
  const { path = layout.directory, dest = path } = error as { path?: string; dest?: string };
  const at = closedAt(layout, dest) ?? closedAt(layout, path) ?? dest;
  const problem = `cannot be written: ${code}. ${adviceOn(at, code, error, { others: [ANOTHER] })}`;
  return new CacheDirectoryError(layout.directory, problem, error);
}

/** Something is mounted in a cache: what is made in one part of it cannot be moved to another one in one step. */
export function divided(layout: Layout, mounted: string, error?: unknown): CacheDirectoryError {
  const problem = `has parts on several file systems or mounts, so nothing can be moved between them in one step: unmount ${mounted}, or ${ANOTHER}`;
  return new CacheDirectoryError(layout.directory, problem, error);
}

/** Says which part of a cache this user may not look into, and what helps there. `code`: the system's for the error. */
export function unreadable(
  directory: string,
  part: 'file' | 'directory',
  path: string,
  error: unknown,
  code: string,
) {
  const advice = adviceOn(path, code, error, { others: [ANOTHER] });
  return new CacheDirectoryError(
    directory,
    `has a ${part} that cannot be read, ${path}: ${code}. ${advice}`,
    error,
  );
}

/** The directory that keeps this user from changing what is at a path of the cache; undefined where none does. */
export function closedAt(layout: Layout, path: string): string | undefined {
  const above: string[] = [];
  for (let at = path; at.startsWith(layout.directory); at = dirname(at)) above.unshift(at);
  const directories = above.filter((each) => lstatOrNothing(each)?.isDirectory() === true);
  const around = directories.filter((each) => each === path || each === dirname(path)).reverse();
  return directories.find((each) => !allows(each, X_OK)) ?? around.find((each) => !allows(each, W_OK));
}

function allows(directory: string, right: number): boolean {
  try {
    accessSync(directory, right);
    return true;
  } catch {
    return false;
  }
}
