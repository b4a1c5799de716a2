import { constants } from 'node:os';
import { BusyError, TimeoutError } from '../errors/lock-errors.ts';
import { OnceStoppedError } from '../errors/once-errors.ts';
import { exitCodes } from './exit-codes.ts';
import { errorJson } from './output/json.ts';
import { note, write } from './output/text.ts';
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
  if (error instanceof BusyError) return exitCodes.busy;
  if (error instanceof TimeoutError) return exitCodes.timeout;
  if (error instanceof OnceStoppedError) return exitCodes.signalBase + constants.signals.SIGTERM;
  return exitCodes.failure;
}

/** Tells of an error on standard error; returns the code to exit with. */
export function report(error: unknown, { json }: GlobalOptions, exitCode = exitCodeOf(error)): number {
  const message = error instanceof Error ? error.message : String(error);
  if (json === true) write(2, `${errorJson(error, exitCode)}\n`);
  else if (message !== '') note(message);
  return exitCode;
}
