import { workingDirectory } from '../../storage/working-directory.ts';
import { isTask, type Task } from '../current.ts';
import { failureIn } from '../failure.ts';
import { recordedValue } from '../once.ts';
import type { OnceRecord } from '../record.ts';
import type { LogSummary } from './log-file.ts';

/** How a command ended: what its record holds. */
export interface CommandOutcome {
  readonly exitCode: number;
  /** What it died of, if it was a signal; the exit code then tells of that as a shell's does. */
  readonly signal?: NodeJS.Signals;
  readonly task: Task;
  readonly stdout: LogSummary;
  readonly stderr: LogSummary;
}

/** A command that ended with another exit code than 0, or could not be started. */
export class CommandFailed extends Error {
  readonly outcome: CommandOutcome;

  constructor(outcome: CommandOutcome, why = `exit code ${outcome.exitCode}`) {
    super(why);
    this.name = 'CommandFailed';
    this.outcome = outcome;
  }
}

/** The outcome of the command that made a record; undefined for a record that a program made with the library. */
export function commandOutcomeIn(record: OnceRecord): CommandOutcome | undefined {
  const { kind } = record.header;
  const value =
    kind === 'failure' ? failureIn(record).outcome : kind === 'json' ? recordedValue({ record }) : undefined;
  return isCommandOutcome(value) ? value : undefined;
}

function isCommandOutcome(value: unknown): value is CommandOutcome {
  const { exitCode, task, stdout, stderr } = (value ?? {}) as Partial<CommandOutcome>;
  return Number.isSafeInteger(exitCode) && isTask(task) && isSummary(stdout) && isSummary(stderr);
}

function isSummary(value: unknown): boolean {
  const { bytes, dropped } = (value ?? {}) as Partial<LogSummary>;
  return Number.isSafeInteger(bytes) && Number.isSafeInteger(dropped);
}

const SHOWN_VARIABLES = 'PATH HOME USER SHELL LANG LC_ALL TZ TERM CI NODE_ENV VIRTUAL_ENV'.split(' ');

/** What is recorded of a command before it runs. Of the environment only what says much and gives no secret away. */
export function taskOf(command: readonly string[], digest: string, grace: number): Task {
  const environment = Object.fromEntries(
    SHOWN_VARIABLES.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const cwd = workingDirectory() ?? '';
  return { command, digest, cwd, environment, grace: Number.isFinite(grace) ? grace : null };
}
