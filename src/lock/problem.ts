import { printable } from '../errors/describe.ts';
import { BusyError, TimeoutError } from '../errors/lock-errors.ts';

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
    readonly operation?: string;
    /** ISO 8601. */
    readonly since?: string;
  };
}

/**
 * What an HTTP handler answers when a lock is busy: 409 (or the status given, such as 423) with `Retry-After` in seconds.
 * Undefined for every other error, which is then the handler's own business.
 *
 * The detail names the operation and since when, but neither process nor user, command or path: it may go to strangers.
 */
export function toProblem(
  error: unknown,
  { status = 409, retryAfter = 1 }: { readonly status?: number; readonly retryAfter?: number } = {},
): Problem | undefined {
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
