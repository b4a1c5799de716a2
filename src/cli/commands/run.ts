import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError, shown } from '../../errors/input-error.ts';
import { CONTRACTS, ENGINES } from '../../lock/environment.ts';
import {
  fileOption,
  nameOption,
  nonEmpty,
  quietOption,
  timeoutOption,
  withGlobalOptions,
} from '../options.ts';
import type { RunOptions } from '../run/options.ts';
import { startUnderLock } from '../run/start.ts';
import { splitAtDashes } from '../run/words.ts';

const EXAMPLES = `
A NAME with a path separator is a file, whose lock lies beside it; any other is a name. --file or --name makes all of them one.

Examples:
  holdfast run mirror -- rsync -a src/ dst/            wait for the lock, then run
  holdfast run --no-wait mirror -- ./save.sh           exit with 75 when it is busy
  holdfast run -w 1m30s ./data/roles.json -- vi data/roles.json
  holdfast run --shared mirror registry -- ./report.sh
  holdfast run --permits 4 download -- curl -O https://example.org/data`;

export function defineRun(program: Command): void {
  withGlobalOptions(program.command('run'))
    .usage('[options] NAME… -- COMMAND…')
    .summary('run a command while holding locks')
    .description(
      "Run a command while holding one lock, or several together. Exits with the command's exit code.",
    )
    .argument('<names...>', 'what to lock')
    .addOption(nameOption())
    .addOption(fileOption())
    .option('-s, --shared', 'hold together with other shared holders')
    .addOption(
      new Option('--permits <n>', 'hold together with up to n - 1 others that use the same n')
        .argParser(parsePermits)
        .conflicts('shared'),
    )
    .addOption(new Option('-n, --no-wait', 'exit with 75 at once when a lock is busy').conflicts('timeout'))
    .addOption(timeoutOption('exit with 124 when not granted in time (default: wait without limit)'))
    .addOption(
      new Option('-E, --conflict-exit-code <code>', 'exit with this code instead of 75 and 124').argParser(
        parseExitCode,
      ),
    )
    .addOption(
      new Option(
        '--engine <engine>',
        'which engine to use (default: auto, the kernel where its lock is proved)',
      ).choices(ENGINES),
    )
    .addOption(new Option('--require <contract>', 'refuse a weaker lock (default: claim)').choices(CONTRACTS))
    .addOption(
      new Option('--purpose <text>', 'what the lock is for, shown to whoever waits for it').argParser(
        nonEmpty('--purpose'),
      ),
    )
    .addOption(quietOption())
    .addHelpText('after', EXAMPLES)
    .action((_names: string[], _options: RunOptions, command: Command) => {
      const { names, words } = namesAndWords(command);
      return startUnderLock(names, words, command.optsWithGlobals<RunOptions>());
    });
}

function parsePermits(word: string): number {
  const permits = Number(word);
  if (/^\d{1,4}$/.test(word) && permits >= 1 && permits <= 1000) return permits;
  throw new InvalidArgumentError(`--permits must be a whole number from 1 to 1000, got ${shown(word)}.`);
}

function parseExitCode(word: string): number {
  const code = Number(word);
  if (!/^\d{1,3}$/.test(word) || code > 255) {
    throw new InvalidArgumentError(`-E must be a number from 0 to 255, got ${shown(word)}.`);
  }
  return code;
}

/** The names before `--`, and the command behind it. */
function namesAndWords(command: Command): { names: string[]; words: [string, ...string[]] } {
  const { before: names, words } = splitAtDashes(command, 'between NAME… and COMMAND…');
  if (names.length === 0) throw new InputError('run', 'needs at least one NAME before --');
  if (names.includes('')) throw new InputError('NAME', 'must not be empty, got ""');
  return { names, words };
}
