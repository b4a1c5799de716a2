import { createRequire } from 'node:module';
import { Command } from 'commander';
import { defineBreak } from './commands/break.ts';
import { defineClean } from './commands/clean.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineDoctor } from './commands/doctor.ts';
import { defineGuard } from './commands/guard.ts';
import { defineLog } from './commands/log.ts';
import { defineLs } from './commands/ls.ts';
import { defineOnce } from './commands/once.ts';
import { defineRules } from './commands/rules.ts';
import { defineRun } from './commands/run.ts';
import { defineTop } from './commands/top.ts';
import { defineWait } from './commands/wait.ts';
import { defineWho } from './commands/who.ts';
import { exitCodeHelp } from './exit-codes.ts';
import { withGlobalOptions } from './options.ts';
import { print, write } from './output/text.ts';

/** In the order of the help. */
const COMMANDS: Readonly<Record<string, (program: Command) => void>> = {
  run: defineRun,
  once: defineOnce,
  guard: defineGuard,
  rules: defineRules,
  ls: defineLs,
  who: defineWho,
  top: defineTop,
  wait: defineWait,
  break: defineBreak,
  clean: defineClean,
  log: defineLog,
  doctor: defineDoctor,
  completion: defineCompletion,
};

/** The program for these words. When the first is a command, no other one can be meant, and none is set up. */
export function programFor([first = '']: readonly string[]): Command {
  const alone = Object.hasOwn(COMMANDS, first) && first !== 'completion'; // which describes them all
  return createProgram(alone ? first : undefined);
}

/** The whole command line, or one command of it: the one place that says which commands and options there are. */
function createProgram(only: string | undefined): Command {
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
  for (const define of only === undefined ? Object.values(COMMANDS) : [COMMANDS[only]]) define?.(program);
  return program;
}

function printVersion(): never {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  print(version);
  process.exit(0);
}
