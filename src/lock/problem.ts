import { printable } from '../errors/describe.ts';
import { BusyError, TimeoutError } from '../errors/lock-errors.ts';
import { amount, checkKinds, count } from './known-options.ts';

/** An RFC 9457 problem document for a busy lock, with the headers to send it under. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly type: string;
    readonly title: string;
    readonly status: number;
    readonly detail: string;
    readonly code: string;
    readonly resource: string;
    /** What the holder said it takes the lock for. */
    readonly operation?: string | undefined;
    /** ISO 8601. */
    readonly since?: string | undefined;
  };
}

export interface ProblemOptions {
  /** Default 409. */
  readonly status?: number | undefined;
  /** Seconds after which another try makes sense. Default 1. */
  readonly retryAfter?: number | undefined;
}

/**
 * What an HTTP handler answers when a lock is busy: 409 (or the status given, such as 423) with `Retry-After` in seconds.
 * Undefined for every other error, which is then the handler's own business.
 *
 * The detail names the operation and since when, but neither process nor user, command or path: it may go to strangers.
 */
export function toProblem(error: unknown, options: ProblemOptions = {}): Problem | undefined {
  checkKinds(options, { status: count, retryAfter: amount });
  const { status = 409, retryAfter = 1 } = options;
  if (!(error instanceof BusyError) && !(error instanceof TimeoutError)) return undefined;
  const { purpose, since } = error.holder ?? {};
  const operation = purpose === undefined ? 'Another operation' : `"${printable(purpose)}"`;
  const detail = `${operation} is in progress${since === undefined ? '' : ` since ${since}`}. Try again later.`;
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'retry-after': String(Math.ceil(retryAfter)) },
    body: {
      type: 'about:blank',
      title: 'Operation in progress',
      status,
      detail,
      code: error.code,
      resource: error.resource,
      ...(purpose === undefined ? {} : { operation: purpose }),
      ...(since === undefined ? {} : { since }),
    },
  };
}
