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
