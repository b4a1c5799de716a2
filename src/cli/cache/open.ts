import { type Cache, openCache } from '../../cache/cache.ts';
import { mayBeCache } from '../../cache/open.ts';
import { actFor, commandLine } from '../../identity/self.ts';
import { recordableWords } from '../fetch/address.ts';
import { auditOfCache } from '../settings.ts';
import { type CacheFlags, cacheDirectory, refusePlacesOfLocks } from './place.ts';

/** Opens a cache for a command, whose words are recorded with its locks: without the secrets of an address among them. */
export function openForCommand(directory: string, timeout = Number.POSITIVE_INFINITY): Promise<Cache> {
  actFor(commandLine(recordableWords(process.argv)));
  return openCache(directory, { timeout, ...auditOfCache() });
}

/** Runs a body with the cache that is meant, which is undefined where there is none: to look, or to remove, makes nothing. */
export async function withCache<T>(
  flags: CacheFlags,
  body: (cache: Cache | undefined, directory: string) => T | Promise<T>,
): Promise<T> {
  refusePlacesOfLocks(flags, 'cache');
  const directory = cacheDirectory(flags);
  if (!mayBeCache(directory)) return body(undefined, directory);
  const cache = await openForCommand(directory);
  try {
    return await body(cache, cache.directory);
  } finally {
    cache.close();
  }
}
