#!/usr/bin/env node
import type { CommanderError } from 'commander';
import { giveDefault } from '../command/signals/end.ts';
import { exitCodes } from './exit-codes.ts';
import { leaveLostTerminal } from './output/terminal.ts';
import { warnOnce } from './output/text.ts';
import { programFor } from './program.ts';
import { CliError, report } from './report.ts';

giveDefault('SIGUSR1'); // which has Node.js open a port for debuggers, whoever sends it

process.on('exit', leaveLostTerminal);

// Warnings of the library, such as an audit log that cannot be written, in the words of a command line.
process.removeAllListeners('warning').on('warning', ({ message }) => warnOnce(message));

programFor(process.argv.slice(2))
  .then((program) => program.parseAsync())
  .catch((error: unknown) => {
    process.exitCode = isCommanderError(error) ? exitAfterUsage(error) : report(error, json());
  });

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
  return report(new CliError(exitCodes.failure, `${problem}. See holdfast --help`), json());
}

/** Whether errors are wanted as JSON, when the words could not be parsed to tell. */
function json(): { readonly json?: true } {
  const [words = ''] = process.argv.slice(2).join('\0').split('\0--\0');
  return words.split('\0').includes('--json') ? { json: true } : {};
}
