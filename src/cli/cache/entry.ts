import type { Cache } from '../../cache/cache.ts';
import { printable } from '../../errors/describe.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { keyOfWord } from '../fetch/address.ts';
import { printJson } from '../output/json.ts';
import { note, print } from '../output/text.ts';
import { withCache } from './open.ts';
import type { CacheFlags } from './place.ts';

export function showPath(word: string, flags: CacheFlags): Promise<void> {
  return withCache(flags, (cache, directory) => {
    const key = keyIn(cache, word);
    const entry = cache?.peek(key);
    if (entry === undefined) throw absent(key, directory);
    if (flags.json === true) printJson(entry);
    else print(entry.path);
  });
}

export function remove(words: readonly string[], flags: CacheFlags): Promise<void> {
  return withCache(flags, async (cache, directory) => {
    const keys = [...new Set(words.map((word) => keyIn(cache, word)))];
    for (const key of keys) {
      const isRemoved = (await cache?.delete(key)) === true;
      if (!isRemoved) process.exitCode = exitCodes.no;
      if (flags.json === true) printJson({ key, removed: isRemoved });
      else if (isRemoved) print(`removed ${printable(key)}`);
      else note(absent(key, directory).message);
    }
  });
}

/** A key is any text: one that looks like an address is looked for as it is first. */
function keyIn(cache: Cache | undefined, word: string): string {
  return word !== '' && cache?.peek(word) !== undefined ? word : keyOfWord(word);
}

function absent(key: string, directory: string): CliError {
  return new CliError(
    exitCodes.no,
    'HOLDFAST_NOT_CACHED',
    `${printable(key)} is not in the cache ${printable(directory)}`,
    { resource: key, key },
  );
}
