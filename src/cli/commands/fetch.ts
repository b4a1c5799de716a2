import { type Command, InvalidArgumentError, Option } from 'commander';
import { shown } from '../../errors/input-error.ts';
import { environmentOptions } from '../../lock/environment.ts';
import { parseDuration } from '../duration.ts';
import { fetchAll } from '../fetch/fetch.ts';
import type { FetchFlags } from '../fetch/options.ts';
import { checked, nonEmpty, timeoutOption, withCacheOptions } from '../options.ts';

const PARALLEL = 4;

const EXAMPLES = `
Prints one path per line on standard output, in the order of the URLs; everything else goes to standard error.

Examples:
  holdfast fetch https://data.example/corpus.tar                      its path in the cache
  holdfast fetch --to data/ https://data.example/corpus.tar           a file in data/ as well
  holdfast fetch --max-age 1d -H 'Authorization: Bearer …' https://data.example/corpus.tar
  tar xf "$(holdfast fetch https://data.example/corpus.tar)"`;

export function defineFetch(program: Command): void {
  withCacheOptions(program.command('fetch'))
    .usage('[options] URL…')
    .summary('download once for all who want it, into a cache that processes share')
    .description(
      'Download what is not in the cache yet, once for all who want it at the same time: the others wait and get the same ' +
        'file. An interrupted download resumes where it stopped. Exits with 1 when a URL failed; the others are fetched.',
    )
    .argument('<urls...>', 'addresses of http or https')
    .addOption(
      new Option(
        '--to <path>',
        'also put it at this path; in a directory (dir/), under a safe name',
      ).argParser(nonEmpty('--to')),
    )
    .addOption(
      new Option('--integrity <sri>', 'refuse any other bytes, such as sha256-<base64>').argParser(
        nonEmpty('--integrity'),
      ),
    )
    .option('--allow-empty', 'take a file without bytes, which counts as a failure else')
    .addOption(
      new Option('--policy <policy>', 'when to fetch (default: if-missing)').choices([
        'never',
        'if-missing',
        'always',
      ]),
    )
    .addOption(
      new Option(
        '--max-age <duration>',
        'fetch again when it was last known to be current longer ago than this',
      )
        .argParser((word) => checked(() => parseDuration('--max-age', word)))
        .conflicts('policy'),
    )
    .addOption(
      new Option('--key <key>', 'store it under this key instead of its URL').argParser(nonEmpty('--key')),
    )
    .addOption(
      new Option(
        '-H, --header <header>',
        'send it with the requests, "Name: value"; may be repeated',
      ).argParser((word: string, before: readonly string[] | undefined) => [...(before ?? []), word]),
    )
    .addOption(new Option('-j, --jobs <n>', 'how many URLs at once').default(PARALLEL).argParser(parseCount))
    .addOption(timeoutOption("exit with 124 when another process's fetch takes longer (default: no limit)"))
    .addHelpText('after', EXAMPLES)
    .action((urls: string[], _flags: FetchFlags, command: Command) => {
      const { timeout } = environmentOptions();
      const fallback = timeout === undefined ? {} : { timeout };
      return fetchAll(urls, { ...fallback, ...command.optsWithGlobals<FetchFlags>() });
    });
}

function parseCount(word: string): number {
  if (/^[1-9]\d{0,2}$/.test(word)) return Number(word);
  throw new InvalidArgumentError(`--jobs must be a whole number above 0, got ${shown(word)}.`);
}
