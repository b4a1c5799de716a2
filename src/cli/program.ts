import { createRequire } from 'node:module';
import { Command } from 'commander';
import { defineBreak } from './commands/break.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineLog } from './commands/log.ts';
import { defineLs } from './commands/ls.ts';
import { defineRun } from './commands/run.ts';
import { defineWait } from './commands/wait.ts';
import { defineWho } from './commands/who.ts';
import { exitCodeHelp } from './exit-codes.ts';
import { withGlobalOptions } from './options.ts';
import { print, write } from './output/text.ts';

/** The whole command line: the one place that says which commands and options there are. */
export function createProgram(): Command {
  const program = withGlobalOptions(new Command('holdfast'))
    .description('Locks that hold: freed by the operating system when their holder dies, never given to two.')
    .usage('[options] COMMAND …')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option('--version', 'print the version')
    .on('option:version', printVersion)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => write(1, text),
      writeErr: (text) => write(2, text),
      outputError: () => {}, // `main` reports it, as text or as JSON
    })
    .addHelpText('afterAll', exitCodeHelp);
  for (const define of [defineRun, defineLs, defineWho, defineWait, defineBreak, defineLog, defineCompletion])
    define(program);
  return program;
}

function printVersion(): never {
  const { version } = createRequire(import.meta.url)('holdfast/package.json') as { version: string };
  print(version);
  process.exit(0);
}
