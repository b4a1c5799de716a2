import { CliError } from './cli-error.ts';
import { exitCodeHelp, pathOf, type UsageError } from './exit-code-help.ts';
import { exitCodes } from './exit-codes.ts';
import { print, tell } from './output/text.ts';
import { report } from './report.ts';

/** Tells of an error that no command has told of; returns the code to exit with. */
export function exitAfter(error: unknown): number {
  return isUsageError(error) ? exitAfterUsage(error) : report(error, json());
}

function isUsageError(error: unknown): error is UsageError {
  return String((error as UsageError | undefined)?.code).startsWith('commander.');
}

/** Commander's words about an argument that is none of its choices. */
const CHOICES =
  /^command-argument value '(.*)' is invalid for argument '([^']*)'\. Allowed choices are (.*)\./s;

/** Commander reports help as an error too: one that was asked for, or one that was printed instead of an error. */
function exitAfterUsage({ code: kind, message, command }: UsageError): number {
  if (kind === 'commander.helpDisplayed') {
    print(exitCodeHelp(command, command.createHelp()));
    return exitCodes.success;
  }
  if (kind === 'commander.help') {
    tell(exitCodeHelp(command, command.createHelp()));
    return exitCodes.failure;
  }
  const problem = message
    .replace(/^error: /, '')
    .replace(CHOICES, "$2 must be one of $3, got '$1'")
    .replace(/^command-argument value '.*' is invalid for argument '[^']*'\. /s, '') // what follows names the argument
    .replace(/\.?\n/, ' ')
    .replace(/[.\s]*$/, '');
  const path = pathOf(command);
  const code = path === 'doc merge' ? exitCodes.unusable : exitCodes.failure; // as of all that it cannot use
  const help = ['holdfast', path, '--help'].filter(Boolean).join(' ');
  return report(new CliError(code, 'HOLDFAST_INPUT', `${problem}. See ${help}`), json());
}

/** Whether errors are wanted as JSON, when the words could not be parsed to tell. */
function json(): { readonly json?: true } {
  const [words = ''] = process.argv.slice(2).join('\0').split('\0--\0');
  return words.split('\0').includes('--json') ? { json: true } : {};
}
