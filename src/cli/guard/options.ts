import { findRules, usersRules } from '../../rules/find.ts';
import { loadRules } from '../../rules/load.ts';
import type { Policy, Rules } from '../../rules/rules.ts';
import { absolute } from '../../storage/working-directory.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { GlobalOptions } from '../settings.ts';

/** Options of every command that reads rules. */
export interface RulesOptions extends GlobalOptions {
  /** The files to read instead of those that are found. */
  readonly rules?: readonly string[];
}

/** What `holdfast guard` was asked for. */
export interface GuardOptions extends RulesOptions {
  readonly explain?: true;
  /** The directory to write wrappers to. */
  readonly shim?: string;
  /** The directory of the wrapper that this is run by: the command is the next of its name in PATH. */
  readonly behind?: string;
  /** Nothing is said of a wait. */
  readonly quiet?: true;
  /** In place of the rule's own. */
  readonly policy?: Policy;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** The rules files that apply here, absolute. @throws {CliError} when there are none. */
export function rulesFiles({ rules }: RulesOptions): string[] {
  const files = rules?.map((file) => absolute(file)) ?? findRules(absolute('.'));
  if (files.length > 0) return files;
  const own = usersRules();
  const orThere = own === undefined ? '' : `, nor at ${own}`;
  throw new CliError(
    exitCodes.failure,
    'HOLDFAST_RULES',
    `no holdfast.yaml was found from ${absolute('.')} upward${orThere}. Write one, or name one with --rules FILE`,
  );
}

export function rulesFor(options: RulesOptions): Promise<Rules> {
  return loadRules(rulesFiles(options));
}
