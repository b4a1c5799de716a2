import { InputError } from '../../errors/input-error.ts';
import { cacheHome } from '../../storage/home.ts';
import { absolute } from '../../storage/working-directory.ts';
import type { GlobalOptions } from '../settings.ts';

/** The options of every command that is about a cache. */
export interface CacheFlags extends GlobalOptions {
  readonly cache?: string;
}

export function cacheDirectory({ cache }: CacheFlags): string {
  return absolute(cache ?? cacheHome());
}

/** @throws {InputError} for `--directory` and `--system`, given before the command. */
export function refusePlacesOfLocks({ directory, system }: GlobalOptions, command: string): void {
  const given = directory !== undefined ? '--directory' : system === true ? '--system' : undefined;
  if (given === undefined) return;
  throw new InputError(given, `has no effect on ${command}, whose locks are in the cache: use --cache`);
}
