import { exitCodeOfSignal } from '../command/signals/exit-code.ts';
import { NotStarted } from '../command/start.ts';
import { adviceOn } from '../errors/advice.ts';
import { HoldfastError, systemCode } from '../errors/base.ts';
import { printable } from '../errors/describe.ts';
import { DamagedError, MissingDocumentError } from '../errors/document-errors.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { PathNotFoundError } from '../errors/json-errors.ts';
import { BusyError, ExhaustedError, LockError, TimeoutError } from '../errors/lock-errors.ts';
import { BackgroundError, NoResultError, NotStoppedError, OnceStoppedError } from '../errors/once-errors.ts';
import { RulesError } from '../errors/rules-error.ts';
import { absolute } from '../storage/working-directory.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { tellJson } from './output/json.ts';
import { note } from './output/text.ts';
import type { GlobalOptions } from './settings.ts';

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
  if (json === true)
    tellJson({ error: { ...shapeOf(error, exitCode, message), ...factsOf(error), ...facts } });
  else if (message !== '') note(message);
  return exitCode;
}

/** What `--json` tells of every error. What does not apply is null, nobody or 0. */
function shapeOf(error: unknown, exitCode: number, message: string) {
  const isContended = error instanceof BusyError || error instanceof TimeoutError;
  const { holders, waited } = isContended ? error : { holders: [], waited: 0 };
  return { code: codeOf(error), exitCode, message, resource: resourceOf(error), holders, waited };
}

function codeOf(error: unknown): string {
  if (error instanceof HoldfastError || error instanceof CliError) return error.code;
  if (error instanceof NotStarted && error.why === 'exhausted') return ExhaustedError.code;
  if (error instanceof NotStarted) return 'HOLDFAST_NOT_STARTED' satisfies CliError['code'];
  return systemCode(error) ?? 'HOLDFAST_INTERNAL';
}

/** What the error is about: a lock, a key, or a file. */
export function resourceOf(error: unknown): string | null {
  const { resource, key, path, file } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const known = [resource, key, path, file].find((each) => typeof each === 'string');
  return (known as string | undefined) ?? null;
}

/** What is known on top of some errors. */
function factsOf(error: unknown): object {
  if (error instanceof LockError) return { path: error.path };
  if (error instanceof RulesError) {
    const { file, line, column, problem } = error;
    return { file, line, column, problem };
  }
  if (error instanceof DamagedError) return { file: error.path, line: error.line, column: error.column };
  return error instanceof CliError ? error.facts : {};
}

/** Libraries that need the working directory say only which call of the system failed, and the system never what helps. */
export function messageOf(error: unknown): string {
  const { syscall, path } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (syscall === 'uv_cwd') return 'the working directory was deleted. Go to a directory that exists: cd';
  const code = systemCode(error);
  if (code !== undefined && isExhaustion(code)) return `${adviceOn('', code)} (${code})`;
  if (code !== undefined && typeof path === 'string' && typeof syscall === 'string') {
    return `${printable(path)} cannot be used (${syscall}: ${code}). ${adviceOn(absolute(path), code, error)}`;
  }
  return wordsOf(error);
}

/** In the words of the command line. */
export function wordsOf(error: unknown): string {
  if (error instanceof HoldfastError) return error.cliMessage;
  return error instanceof Error ? error.message : String(error);
}
