import { createRequire } from 'node:module';
import { Command } from 'commander';
import { COMMAND_NAMES, type CommandName, isCommand } from './command-names.ts';
import type { UsageError } from './exit-code-help.ts';
import { withGlobalOptions } from './options.ts';
import { print, write } from './output/text.ts';

type Define = (program: Command) => void;

/** Each is read when it is needed: reading them all takes as long as a short run. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<Define>>> = {
  run: async () => (await import('./commands/run.ts')).defineRun,
  once: async () => (await import('./commands/once.ts')).defineOnce,
  guard: async () => (await import('./commands/guard.ts')).defineGuard,
  fetch: async () => (await import('./commands/fetch.ts')).defineFetch,
  cache: async () => (await import('./commands/cache.ts')).defineCache,
  doc: async () => (await import('./commands/doc.ts')).defineDoc,
  rules: async () => (await import('./commands/rules.ts')).defineRules,
  ls: async () => (await import('./commands/ls.ts')).defineLs,
  who: async () => (await import('./commands/who.ts')).defineWho,
  top: async () => (await import('./commands/top.ts')).defineTop,
  wait: async () => (await import('./commands/wait.ts')).defineWait,
  break: async () => (await import('./commands/break.ts')).defineBreak,
  clean: async () => (await import('./commands/clean.ts')).defineClean,
  log: async () => (await import('./commands/log.ts')).defineLog,
  doctor: async () => (await import('./commands/doctor.ts')).defineDoctor,
  completion: async () => (await import('./commands/completion.ts')).defineCompletion,
};

/** The program for these words. When the first is a command, no other one can be meant, and none is set up. */
export function programFor([first = '']: readonly string[]): Promise<Command> {
  const alone = isCommand(first) && first !== 'completion'; // which describes them all
  return createProgram(alone ? first : undefined);
}

/** The whole command line, or one command of it: the one place that says which commands and options there are. */
async function createProgram(only: CommandName | undefined): Promise<Command> {
  const program = withGlobalOptions(new Command('holdfast'))
    .description('Locks that hold: freed by the operating system when their holder dies, never given to two.')
    .usage('[options] COMMAND …')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option('--version', 'print the version')
    .on('option:version', printVersion)
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => write(1, text),
      writeErr: (text) => write(2, text),
      outputError: () => {}, // `failure` reports it, as text or as JSON, and adds the exit codes to a help
    });
  const wanted = only === undefined ? COMMAND_NAMES : [only];
  for (const define of await Promise.all(wanted.map((name) => COMMANDS[name]()))) define(program);
  tellWhich(program);
  return program;
}

function tellWhich(command: Command): void {
  command.exitOverride((error) => {
    throw Object.assign(error, { command }) satisfies UsageError;
  });
  for (const each of command.commands) tellWhich(each);
}

function printVersion(): never {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  print(version);
  process.exit(0);
}
