import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError, shown } from '../errors/input-error.ts';
import { parseDuration } from './duration.ts';

/** Adds the options every command takes, so that they may stand before or after its name. */
export function withGlobalOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--directory <dir>', 'keep the locks on names in this directory').argParser(
        nonEmpty('--directory'),
      ),
    )
    .addOption(
      new Option('--system', 'use the locks of the whole machine, in /var/lib/holdfast/locks').conflicts(
        'directory',
      ),
    )
    .option('--json', 'print JSON; errors too, on standard error');
}

/** `--name`, for the commands that take locks as words. */
export function nameOption(): Option {
  return new Option('--name', 'treat every NAME as a name, even one with a path separator');
}

/** `--file`, beside `--name`. */
export function fileOption(): Option {
  return new Option('--file', 'treat every NAME as a file, even one without a path separator').conflicts(
    'name',
  );
}

/** `--timeout`, which `run` and `wait` share. */
export function timeoutOption(description: string): Option {
  return new Option('-w, --timeout <duration>', description).argParser((word) =>
    checked(() => parseDuration('-w, --timeout', word)),
  );
}

/** `--cache` and `--json`, for the commands that are about a cache: its locks lie in it. */
export function withCacheOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--cache <dir>',
        'the cache directory (default: $HOLDFAST_CACHE, else holdfast in $XDG_CACHE_HOME or ~/.cache)',
      ).argParser(nonEmpty('--cache')),
    )
    .option('--json', 'print JSON, one object a line; errors too, on standard error');
}

/** `--quiet`, for the commands that run others under locks. */
export function quietOption(): Option {
  return new Option('-q, --quiet', 'do not report waiting; errors are still reported');
}

/** `--rules`, which may be given several times. */
export function rulesOption(): Option {
  const parse = nonEmpty('--rules');
  const collect = (word: string, before: readonly string[] | undefined) => [...(before ?? []), parse(word)];
  return new Option(
    '--rules <file>',
    'read the rules of this file instead; several are tried in order',
  ).argParser(collect);
}

/** A parser for an option's value that takes any text but nothing, and `--`, which always ends the options. */
export function nonEmpty(option: string): (word: string) => string {
  return (word) => {
    if (word !== '' && word !== '--') return word;
    throw new InvalidArgumentError(`${option} needs a value, got ${shown(word)}.`);
  };
}

/** Runs a parser of this package inside commander, which wants its own kind of error. */
export function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InputError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
