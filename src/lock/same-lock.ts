import { type BigIntStats, lstatSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Where a lock lies as the kernel knows it: its directory, and its name there. So it is the same by whatever path the
 * directory was reached, a bind mount and another mount namespace included. Undefined where the directory cannot be seen.
 */
export function whereaboutsOf(path: string): string | undefined {
  const directory = idOf(() => statSync(dirname(path), { bigint: true, throwIfNoEntry: false }));
  return directory === undefined ? undefined : `${directory}/${basename(path)}`;
}

/** Whether two lock paths lead to one lock, for all that can be seen: to one place, or to one file of two names. */
export function isSameLock(path: string, other: string): boolean {
  if (path === other) return true;
  const place = whereaboutsOf(path);
  if (place !== undefined && place === whereaboutsOf(other)) return true;
  const file = fileAt(path);
  return file !== undefined && file === fileAt(other);
}

/**
 * The path that stands for a lock among several of them: the first that led to its place. Names of one file are not taken
 * for one lock here, for there are two as soon as a claim takes the place of one.
 */
export function firstPaths(paths: readonly string[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  if (new Set(paths).size < 2) return first;
  const places = new Map<string, string>();
  for (const path of paths) {
    const place = whereaboutsOf(path) ?? path;
    places.set(place, places.get(place) ?? path);
    first.set(path, places.get(place) ?? path);
  }
  return first;
}

function fileAt(path: string): string | undefined {
  return idOf(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
}

function idOf(look: () => BigIntStats | undefined): string | undefined {
  try {
    const found = look();
    return found === undefined ? undefined : `${found.dev}:${found.ino}`;
  } catch {
    return undefined;
  }
}
