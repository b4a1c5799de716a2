import type { Command, Option } from 'commander';

/** What can be typed, taken from the definitions of the commands themselves. */
export interface Grammar {
  readonly options: readonly OptionWord[];
  readonly commands: readonly {
    readonly name: string;
    readonly summary: string;
    readonly options: readonly OptionWord[];
    /** What the operands are: lock names, directories, the given words, or nothing. */
    readonly operands: 'locks' | 'directories' | 'none' | readonly string[];
    /** Whether a command of any kind follows after `--`. */
    readonly runsCommand: boolean;
  }[];
}

export interface OptionWord {
  readonly short?: string;
  readonly long: string;
  readonly description: string;
  /** What follows the option. */
  readonly value: 'none' | 'directory' | 'text';
}

/** Options whose value is a directory. */
const DIRECTORIES: readonly string[] = ['--directory', '--cache'];

export function describeProgram(program: Command): Grammar {
  return {
    options: optionWords(program),
    commands: program.commands.map((command) => ({
      name: command.name(),
      summary: command.summary(),
      options: optionsOf(command),
      operands: operandsOf(command),
      runsCommand: command.usage().includes('-- COMMAND'),
    })),
  };
}

/** Those of its subcommands too, each once. */
function optionsOf(command: Command): OptionWord[] {
  const all = [command, ...command.commands].flatMap(optionWords);
  return [...new Map(all.map((option) => [option.long, option])).values()];
}

function operandsOf(command: Command): Grammar['commands'][number]['operands'] {
  if (command.commands.length > 0) return command.commands.map((each) => each.name());
  const [argument] = command.registeredArguments;
  if (argument?.argChoices !== undefined) return argument.argChoices;
  const name = argument?.name() ?? '';
  if (/^names?$/.test(name)) return 'locks';
  return name === 'directories' ? name : 'none';
}

function optionWords(command: Command): OptionWord[] {
  return command.createHelp().visibleOptions(command).map(optionWord);
}

function optionWord({ short, long, description, required }: Option): OptionWord {
  const value = !required ? 'none' : DIRECTORIES.includes(long ?? '') ? 'directory' : 'text';
  return { long: long ?? '', description, value, ...(short === undefined ? {} : { short }) };
}

/** Every spelling of the options that take a value. */
export function valueOptions(options: readonly OptionWord[]): string[] {
  return spellings(options.filter(({ value }) => value !== 'none'));
}

export function spellings(options: readonly OptionWord[]): string[] {
  return options.flatMap(({ short, long }) => (short === undefined ? [long] : [short, long]));
}
