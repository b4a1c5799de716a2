import type { Command } from 'commander';
import { InputError, shown } from '../../errors/input-error.ts';

/** What stands before `--` and is no option, and the command behind it. */
export interface SplitWords {
  readonly before: string[];
  readonly words: [string, ...string[]];
}

/** Commander drops the `--`; what follows it is found again by its length, for nothing behind it is an option. */
export function splitAtDashes(command: Command, usage: string): SplitWords {
  const all = (command.parent as Command & { readonly rawArgs: readonly string[] }).rawArgs;
  const dashes = all.indexOf('--');
  if (dashes < 0) {
    const given = command.args.length === 0 ? '' : `, got ${shown(command.args.join(' '))} without it`;
    throw new InputError(command.name(), `needs -- ${usage}${given}`);
  }
  const [first, ...rest] = all.slice(dashes + 1);
  if (first === undefined) throw new InputError(command.name(), 'needs a COMMAND after --');
  if (first === '') throw new InputError('COMMAND', 'must not be empty, got ""');
  return {
    before: command.args.slice(0, command.args.length - (all.length - dashes - 1)),
    words: [first, ...rest],
  };
}
