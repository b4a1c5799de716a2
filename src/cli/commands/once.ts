import { type Command, InvalidArgumentError, Option } from 'commander';
import { shown } from '../../errors/input-error.ts';
import { parseDuration } from '../duration.ts';
import { refuseIneffective } from '../once/fitting.ts';
import { runHere } from '../once/foreground.ts';
import { type Deed, type OnceCall, type OnceFlags, readCall } from '../once/options.ts';
import { checked, nonEmpty, timeoutOption, withGlobalOptions } from '../options.ts';

const EXAMPLES = `
The first word is the ID, any text, unless it is ls, history or clean; --id takes those as IDs too.

Examples:
  holdfast once setup -- ./setup.sh                    run it, or wait for who does; later: its output again
  holdfast once --ttl 1h --inputs 'src/**' -q --id build -- make
  holdfast once --detach index -- ./index.sh           start it in the background
  holdfast once --follow index                         watch it; Ctrl-C leaves it running
  holdfast once --wait --timeout 5m index -- ./index.sh
  holdfast once ls
  holdfast once history index
  holdfast once clean --failed`;

export function defineOnce(program: Command): void {
  const command = withGlobalOptions(program.command('once'))
    .usage('[options] ID -- COMMAND…')
    .summary('run a command once; others wait for its result, or get it from record')
    .description(
      'Run a command in exactly one process at a time. Whoever starts the same command under the same ID waits, and gets ' +
        'its output and exit code; so does whoever comes later, for as long as the result counts. Another command under ' +
        'the ID waits its turn, and then runs.',
    )
    .argument('[words...]', 'ID, or: ls, history ID, clean')
    .addOption(
      new Option('--id <id>', 'the ID, even one that is named like a subcommand').argParser(nonEmpty('--id')),
    )
    .option('-d, --detach', 'run it in the background, and do not wait')
    .option('--wait', 'run it in the background if it is not active, and wait for its end')
    .option('-f, --follow', 'the same, and show its output as it comes')
    .option('--peek', 'exit with 0 if it has finished, successfully or not, else with 1')
    .option('--active', 'exit with 0 if it is running or has finished, else with 1')
    .option('--stdout', 'print what its last run printed')
    .option('--stderr', 'the same for its standard error')
    .option('--exit-code', 'print the exit code of its last run')
    .option(
      '--any-command',
      'take the result of whatever command ran under this ID (default: of this very command only)',
    )
    .option('--complete', 'fail, and print nothing, when a part of the recorded output is missing')
    .option('--reset', 'forget it, unless it is running')
    .option('--stop', 'end its run, with the whole process group')
    .option('-y, --yes', 'with --stop: also end a whole program that runs it with the library')
    .addOption(span('--ttl', 'how long a success counts (default: for ever)'))
    .addOption(span('--failure-ttl', 'how long a failure counts (default: 0, not at all)'))
    .addOption(
      new Option(
        '--validate <command>',
        'a shell command that tells whether a recorded success still holds',
      ).argParser(nonEmpty('--validate')),
    )
    .addOption(new Option('--inputs <globs...>', 'files whose change makes it run again').argParser(patterns))
    .addOption(
      new Option('--attempts <n>', 'how many runs in a row may die before waiters give up').argParser(count),
    )
    .addOption(
      span('--grace', 'how long a stopped command has before what is left of it is killed (default: 10s)'),
    )
    .addOption(timeoutOption("exit with 124 when another's run takes longer (default: no limit)"))
    .addOption(new Option('--message <text>', 'what to say while waiting').argParser(nonEmpty('--message')))
    .option('-q, --quiet', 'print nothing but what the command prints')
    .addOption(
      new Option(
        '--scope <scope>',
        'whose IDs: of the user, or of the project around the working directory (default: of the project, if there is one)',
      ).choices(['user', 'project']),
    )
    .option('--failed', 'clean: forget those whose last run failed')
    .option('--dead', 'clean: forget those whose last run died or was ended by a signal')
    .option('--all', 'clean: forget all that are not running')
    .addHelpText('after', EXAMPLES);
  command.action(async (_words: string[], _flags: OnceFlags, self: Command) => {
    const { before, words } = splitAtDashes(self);
    const call = readCall(before, words, self.optsWithGlobals<OnceFlags>());
    refuseIneffective(call);
    const act = await DEEDS[call.deed]();
    await act(call);
  });
}

const wait = async () => (await import('../once/await.ts')).awaitRun;
const peek = async () => (await import('../once/look.ts')).peek;
const print = async () => (await import('../once/look.ts')).printPart;
const end = async () => (await import('../once/manage.ts')).stopOrReset;

/** All but a run are read when they are asked for: a hit has to be quick. */
const DEEDS: Readonly<Record<Deed, () => Promise<(call: OnceCall) => void | Promise<void>>>> = {
  run: async () => runHere,
  detach: async () => (await import('../once/detached.ts')).detach,
  wait,
  follow: wait,
  peek,
  active: peek,
  stdout: print,
  stderr: print,
  exitCode: print,
  reset: end,
  stop: end,
  ls: async () => (await import('../once/list.ts')).list,
  history: async () => (await import('../once/list.ts')).history,
  clean: async () => (await import('../once/manage.ts')).clean,
};

function span(name: string, description: string): Option {
  return new Option(`${name} <duration>`, description).argParser((word) =>
    checked(() => parseDuration(name, word)),
  );
}

/** What follows an option that was left without its patterns is no pattern: `--`, or the next option. */
function patterns(word: string, before: readonly string[] = []): readonly string[] {
  if (before.length > 0 || !word.startsWith('--')) return [...before, word];
  throw new InvalidArgumentError(`--inputs needs at least one pattern, got ${shown(word)}.`);
}

function count(word: string): number {
  if (/^[1-9]\d{0,3}$/.test(word)) return Number(word);
  throw new InvalidArgumentError(`--attempts must be a whole number above 0, got ${shown(word)}.`);
}

/** Commander drops the `--`; what follows it is found again by its length, for nothing behind it is an option. */
function splitAtDashes(command: Command): { before: string[]; words: string[] | undefined } {
  const all = (command.parent as Command & { readonly rawArgs: readonly string[] }).rawArgs;
  const dashes = all.indexOf('--');
  if (dashes < 0) return { before: command.args, words: undefined };
  const words = all.slice(dashes + 1);
  return { before: command.args.slice(0, command.args.length - words.length), words };
}
