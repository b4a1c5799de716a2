import { isExhaustion } from '../../errors/exhaustion.ts';
import { ExhaustedError, UnwritableError } from '../../errors/lock-errors.ts';
import type { LockRequest } from '../engine.ts';

/** What keeps a request from `request.path`, by the system's code. */
export function unusable(request: LockRequest, code: string, cause?: unknown): Error {
  return isExhaustion(code)
    ? new ExhaustedError(request, code, cause)
    : new UnwritableError(request, code, cause);
}
