import { type Command, Option } from 'commander';
import { InputError } from '../../errors/input-error.ts';
import { POLICIES } from '../../rules/rules.ts';
import { explain } from '../guard/explain.ts';
import type { GuardOptions } from '../guard/options.ts';
import { writeShims } from '../guard/shim.ts';
import { startGuarded } from '../guard/start.ts';
import { nonEmpty, quietOption, rulesOption, timeoutOption, withGlobalOptions } from '../options.ts';
import { splitAtDashes } from '../run/words.ts';

const EXAMPLES = `
The rules are those of the nearest holdfast.yaml from here upward, then of ~/.config/holdfast/holdfast.yaml.

Examples:
  holdfast guard -- mirror save                        run it under the locks that its rule names
  holdfast guard --explain -- mirror save              say which rule, which locks, and what is in the way
  holdfast guard -w 1m -- mirror save                  wait, whatever the rule says
  holdfast guard --shim ~/.holdfast/bin                let "mirror" alone do so: write wrappers for PATH`;

export function defineGuard(program: Command): void {
  withGlobalOptions(program.command('guard'))
    .usage('[options] -- COMMAND…')
    .summary('run a command under the locks that its rule in holdfast.yaml names')
    .description(
      "Run a command under the locks that its rule in holdfast.yaml names. Exits with the command's exit code.",
    )
    .argument('[tools...]', 'with --shim: the commands to wrap; all that the rules name otherwise')
    .option('--explain', 'print the rule, the locks and what is in the way; run nothing')
    .addOption(
      new Option('--shim <dir>', 'write wrappers, by which the name of a tool applies the rules')
        .argParser(nonEmpty('--shim'))
        .conflicts('explain'),
    )
    .addOption(rulesOption())
    .addOption(new Option('--policy <policy>', "use this policy instead of the rule's own").choices(POLICIES))
    .addOption(timeoutOption('wait this long, whatever the rule says'))
    .addOption(quietOption())
    .addOption(new Option('--behind <dir>').argParser(nonEmpty('--behind')).hideHelp())
    .addHelpText('after', EXAMPLES)
    .action((tools: string[], _options: GuardOptions, command: Command) => {
      const options = command.optsWithGlobals<GuardOptions>();
      if (options.timeout !== undefined && (options.policy ?? 'wait') !== 'wait') {
        throw new InputError(
          '--timeout',
          `is for the policy wait, and cannot be combined with --policy ${options.policy}`,
        );
      }
      if (options.shim !== undefined) return writeShims(options.shim, tools, options);
      const { before, words } = splitAtDashes(command, 'before COMMAND…');
      if (before.length > 0)
        throw new InputError('guard', `takes nothing before --, got ${before.join(' ')}`);
      return options.explain === true ? explain(words, options) : startGuarded(words, options);
    });
}
