import { isAbsolute, relative, resolve } from 'node:path';
import { InputError, shown } from '../errors/input-error.ts';

/** The working directory; undefined when it was deleted. */
export function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/**
 * The absolute path that a path means. `input` is what an error calls it.
 *
 * @throws {InputError} it is relative to a working directory that was deleted.
 */
export function absolute(path: string, input = 'path'): string {
  if (isAbsolute(path)) return resolve(path);
  const here = workingDirectory();
  if (here !== undefined) return resolve(here, path);
  throw new InputError(
    input,
    `${shown(path)} is relative, and the working directory was deleted. Go to a directory that exists, or give an absolute path`,
  );
}

/** A path as a person would write it from here; as it is where that is elsewhere, or this is the root directory. */
export function shortPath(path: string): string {
  const here = workingDirectory();
  if (here === undefined) return path;
  const short = relative(here, path);
  const isElsewhere = short === '' || short.startsWith('..') || isAbsolute(short);
  return isElsewhere || path === `/${short}` ? path : short;
}
