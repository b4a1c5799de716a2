import type { CommanderError } from 'commander';
import { CliError } from './cli-error.ts';
import { isCommand } from './command-names.ts';
import { exitCodes } from './exit-codes.ts';
import { report } from './report.ts';

/** Tells of an error that no command has told of; returns the code to exit with. */
export function exitAfter(error: unknown): number {
  return isCommanderError(error) ? exitAfterUsage(error) : report(error, json());
}

function isCommanderError(error: unknown): error is CommanderError {
  return String((error as CommanderError | undefined)?.code).startsWith('commander.');
}

/** Commander reports help as an error too. */
function exitAfterUsage({ code, exitCode, message }: CommanderError): number {
  if (exitCode === 0) return exitCodes.success;
  if (code === 'commander.help') return exitCodes.failure; // it was printed instead of an error
  const problem = message
    .replace(/^error: /, '')
    .replace(/\.?\n/, ' ')
    .replace(/[.\s]*$/, '');
  return report(
    new CliError(exitCodes.failure, 'HOLDFAST_INPUT', `${problem}. See ${helpFor(process.argv[2])}`),
    json(),
  );
}

function helpFor(word = ''): string {
  return `holdfast ${isCommand(word) ? `${word} ` : ''}--help`;
}

/** Whether errors are wanted as JSON, when the words could not be parsed to tell. */
function json(): { readonly json?: true } {
  const [words = ''] = process.argv.slice(2).join('\0').split('\0--\0');
  return words.split('\0').includes('--json') ? { json: true } : {};
}
