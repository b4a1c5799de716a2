import { holder } from '../errors/describe.ts';
import { type Failure, OnceFailedError } from '../errors/once-errors.ts';
import { onceCommand } from './hint.ts';
import { remaining, type Terms, ttlOf } from './judgement.ts';
import type { OnceRecord } from './record.ts';

/** What was thrown, as the body of a record. `outcome` is what a command that failed has left. */
export function failureBody(error: unknown): Buffer {
  const { name, code, outcome } = (error ?? {}) as { name?: unknown; code?: unknown; outcome?: unknown };
  const failure: Failure = {
    name: typeof name === 'string' ? name : 'Error',
    message: messageOf(error),
    ...(typeof code === 'string' ? { code } : {}),
    ...(outcome === undefined ? {} : { outcome }),
  };
  return Buffer.from(JSON.stringify(failure));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a recorded failure says; a body that holds something else says nothing. */
export function failureIn({ body }: OnceRecord): Failure {
  const unknown = { name: 'Error', message: 'unknown' };
  try {
    const value = JSON.parse(body.toString()) as Failure | null;
    const { name, message, code = '' } = value ?? {};
    const isFailure = [name, message, code].every((each) => typeof each === 'string');
    return value !== null && isFailure ? value : unknown;
  } catch {
    return unknown;
  }
}

/** The run behind an error that a call of `once` rejects with. */
export interface RunBehind {
  readonly record: OnceRecord;
  /** Why the record is not on the disk, if it is not: nobody else gets this failure then. */
  readonly unrecorded?: string | undefined;
}

const behind = new WeakMap<object, RunBehind>();

export function keepRunBehind(error: unknown, run: RunBehind): void {
  if (typeof error === 'object' && error !== null) behind.set(error, run);
}

/** The very run an error is of, whatever has been recorded since; undefined for an error of none. */
export function runBehind(error: unknown): RunBehind | undefined {
  return typeof error === 'object' && error !== null ? behind.get(error) : undefined;
}

/** The error of a call that shares a failure, or meets one that is remembered. */
export function failed(key: string, record: OnceRecord, terms: Terms): OnceFailedError {
  const { finished, by, project } = record.header;
  const remembered = remaining(record, terms.failureTtl ?? ttlOf(record));
  const reset = onceCommand('--reset', key, { project, directory: null });
  const error = new OnceFailedError({
    key,
    failure: failureIn(record),
    finished,
    by: holder(by),
    remembered,
    reset,
  });
  keepRunBehind(error, { record });
  return error;
}
