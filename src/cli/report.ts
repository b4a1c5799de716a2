import { exitCodeOfSignal } from '../command/signals/exit-code.ts';
import { NotStarted } from '../command/start.ts';
import { DamagedError, MissingDocumentError } from '../errors/document-errors.ts';
import { PathNotFoundError } from '../errors/json-errors.ts';
import { BusyError, TimeoutError } from '../errors/lock-errors.ts';
import { BackgroundError, NoResultError, NotStoppedError, OnceStoppedError } from '../errors/once-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { errorJson } from './output/json.ts';
import { note, tell } from './output/text.ts';
import type { GlobalOptions } from './settings.ts';

/** A command's end that has its own exit code, and a message unless everything was said. */
export class CliError extends Error {
  readonly exitCode: number;
  /** What `--json` tells on top. */
  readonly facts: Readonly<Record<string, unknown>>;
  constructor(exitCode: number, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.exitCode = exitCode;
    this.facts = facts;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (isAnswer(error)) return exitCodes.no;
  if (error instanceof BusyError) return exitCodes.busy;
  if (error instanceof TimeoutError) return exitCodes.timeout;
  if (error instanceof NotStarted) return error.exitCode;
  if (error instanceof OnceStoppedError) return STOPPED;
  if (error instanceof NotStoppedError && error.why === 'outlived') return exitCodes.no;
  if (error instanceof NoResultError && error.signal !== undefined) return exitCodeOfSignal(error.signal);
  if (error instanceof NoResultError || error instanceof BackgroundError) return exitCodeBehind(error);
  return exitCodes.failure;
}

/** What `doc` was asked for is not there, or cannot be read as it is. */
function isAnswer(error: unknown): boolean {
  return (
    error instanceof DamagedError ||
    error instanceof MissingDocumentError ||
    error instanceof PathNotFoundError
  );
}

const STOPPED = exitCodeOfSignal('SIGTERM');

function exitCodeBehind({ exitCode, ...error }: NoResultError | BackgroundError): number {
  if (exitCode !== undefined) return exitCode;
  return 'reason' in error && error.reason === OnceStoppedError.code ? STOPPED : exitCodes.failure;
}

/** Tells of an error on standard error, and as JSON of these facts too; returns the code to exit with. */
export function report(
  error: unknown,
  { json }: GlobalOptions,
  exitCode = exitCodeOf(error),
  facts: Readonly<Record<string, unknown>> = {},
): number {
  const message = messageOf(error);
  if (json === true) tell(errorJson(error, exitCode, facts));
  else if (message !== '') note(message);
  return exitCode;
}

/** Libraries that need the working directory say only which call of the system failed. */
function messageOf(error: unknown): string {
  if ((error as { syscall?: unknown } | null)?.syscall === 'uv_cwd') {
    return 'the working directory was deleted. Go to a directory that exists: cd';
  }
  return error instanceof Error ? error.message : String(error);
}
