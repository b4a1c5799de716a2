import { HoldfastError } from '../../errors/base.ts';
import { DamagedError } from '../../errors/document-errors.ts';
import { BusyError, LockError, TimeoutError } from '../../errors/lock-errors.ts';
import { RulesError } from '../../errors/rules-error.ts';
import { print } from './text.ts';

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** An error as `--json` shows it on standard error, one line. */
export function errorJson(
  error: unknown,
  exitCode: number,
  facts: Readonly<Record<string, unknown>> = {},
): string {
  const message = error instanceof Error ? error.message : String(error);
  return JSON.stringify({
    error: {
      code: error instanceof HoldfastError ? error.code : undefined,
      exitCode,
      message,
      ...(error instanceof LockError ? { resource: error.resource, path: error.path } : {}),
      ...(error instanceof BusyError || error instanceof TimeoutError
        ? { holders: error.holders, waited: error.waited }
        : {}),
      ...(error instanceof RulesError
        ? { file: error.file, line: error.line, column: error.column, problem: error.problem }
        : {}),
      ...(error instanceof DamagedError ? { file: error.path, line: error.line, column: error.column } : {}),
      ...(error as { readonly facts?: object }).facts,
      ...facts,
    },
  });
}
