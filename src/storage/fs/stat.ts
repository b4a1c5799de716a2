import { lstatSync, type Stats, statSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';

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

/** Whether the system does not tell what stands at a path. */
export function isHidden(path: string): boolean {
  try {
    lstatSync(path, { throwIfNoEntry: false });
    return false;
  } catch {
    return true;
  }
}

/** Whether a path leads to something. @throws the system's error where it does not tell. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (systemCode(error) === 'ENAMETOOLONG') return false;
    throw error;
  }
}

/** The same for who has to reckon with what cannot be seen. */
export function mayBeThere(path: string): boolean {
  try {
    return isThere(path);
  } catch {
    return true;
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
