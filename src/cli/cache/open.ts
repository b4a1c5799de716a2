import { type Cache, openCache } from '../../cache/cache.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import { auditOfCache } from '../settings.ts';
import { type CacheFlags, cacheDirectory, refusePlacesOfLocks } from './place.ts';

/** Runs a body with the cache that is meant, which is undefined where there is none: to look makes no directory. */
export async function withCache<T>(
  flags: CacheFlags,
  body: (cache: Cache | undefined, directory: string) => T | Promise<T>,
): Promise<T> {
  refusePlacesOfLocks(flags, 'cache');
  const directory = cacheDirectory(flags);
  if (statOrNothing(directory) === undefined) return body(undefined, directory);
  const cache = await openCache(directory, { timeout: Number.POSITIVE_INFINITY, ...auditOfCache() });
  try {
    return await body(cache, cache.directory);
  } finally {
    cache.close();
  }
}
