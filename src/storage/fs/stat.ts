import { lstatSync, type Stats, statSync } from 'node:fs';

/** What a path leads to, through links; undefined where there is nothing, and where one may not look. */
export function statOrNothing(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The same of what stands at the path itself, which may be a link. */
export function lstatOrNothing(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Whether a file is still the one it was, and nobody has written or touched it since: any such act sets its change time. */
export function isSame(
  before: Pick<Stats, 'dev' | 'ino' | 'size' | 'ctimeMs'>,
  now: Stats | undefined,
): boolean {
  return (
    now?.ino === before.ino &&
    now.ctimeMs === before.ctimeMs &&
    now.size === before.size &&
    now.dev === before.dev
  );
}
