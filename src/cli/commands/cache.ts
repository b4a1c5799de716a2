import { type Command, Option } from 'commander';
import { remove, showPath } from '../cache/entry.ts';
import { list } from '../cache/list.ts';
import type { CacheFlags } from '../cache/place.ts';
import { type PruneFlags, pruneCache } from '../cache/prune.ts';
import { type VerifyFlags, verifyCache } from '../cache/verify.ts';
import { parseDuration } from '../duration.ts';
import { checked, withCacheOptions } from '../options.ts';
import { parseBytes } from '../output/bytes.ts';

export function defineCache(program: Command): void {
  const cache = withCacheOptions(program.command('cache'))
    .helpCommand(false)
    .usage('ls|path|verify|prune|rm [options]')
    .summary('see, check and clear what holdfast fetch has fetched')
    .description(
      'See, check and clear a cache. A KEY is what an entry is kept under: its URL, or that of --key.',
    );
  withCacheOptions(cache.command('ls'))
    .summary('list the entries, the last used first')
    .description('List the entries, the last used first: how big, how old, and when they were last used.')
    .action((_flags: CacheFlags, command: Command) => list(command.optsWithGlobals<CacheFlags>()));
  withCacheOptions(cache.command('path'))
    .usage('[options] KEY')
    .summary('print the path of an entry; 1 when there is none')
    .description('Print the path of an entry, and fetch nothing. Exits with 1 when there is none.')
    .argument('<key>', 'a URL, or a key')
    .action((key: string, _flags: CacheFlags, command: Command) =>
      showPath(key, command.optsWithGlobals<CacheFlags>()),
    );
  withCacheOptions(cache.command('verify'))
    .usage('[options]')
    .summary('hash every entry; 1 when one is not what it was')
    .description(
      'Hash every entry, and tell which are not what they were when they were fetched (exit code 1).',
    )
    .option('--repair', 'put aside what is wrong, so that the next fetch gets it anew')
    .action((_flags: VerifyFlags, command: Command) => verifyCache(command.optsWithGlobals<VerifyFlags>()));
  withCacheOptions(cache.command('prune'))
    .usage('[options]')
    .summary('remove what is too old or too much')
    .description(
      'Remove the least recently used entries, and what crashes left behind. Nothing that is in use, being fetched, or was used in ' +
        'the last hour is removed.',
    )
    .addOption(
      new Option('--max-bytes <size>', 'keep at most this much, such as 500MB or 20GiB').argParser((word) =>
        checked(() => parseBytes('--max-bytes', word)),
      ),
    )
    .addOption(
      new Option(
        '--max-age <duration>',
        'remove what has not been used for this long, such as 30d',
      ).argParser((word) => checked(() => parseDuration('--max-age', word))),
    )
    .option('--dry-run', 'only print what would be removed')
    .action((_flags: PruneFlags, command: Command) => pruneCache(command.optsWithGlobals<PruneFlags>()));
  withCacheOptions(cache.command('rm'))
    .usage('[options] KEY…')
    .summary('remove entries; 1 when one was not there')
    .description(
      'Remove entries, and what unfinished fetches of them have left. Exits with 1 when one was not there.',
    )
    .argument('<keys...>', 'URLs, or keys')
    .action((keys: string[], _flags: CacheFlags, command: Command) =>
      remove(keys, command.optsWithGlobals<CacheFlags>()),
    );
}
