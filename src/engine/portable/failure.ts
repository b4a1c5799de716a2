import { HoldfastError, systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { ExhaustedError, UnsupportedError, UnwritableError } from '../../errors/lock-errors.ts';
import type { LockRequest } from '../engine.ts';
import type { LayoutName } from './settings.ts';

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** What the system said, as an error a person can act on; one that is of Holdfast's own making stays as it is. */
export function failure(request: LockRequest, error: unknown, layout?: LayoutName): Error {
  const code = systemCode(error);
  if (code === undefined || error instanceof HoldfastError) return error as Error;
  if (isExhaustion(code)) return new ExhaustedError(request, code, error);
  if (layout === 'file' && NO_LINKS.includes(code)) {
    const advice = 'a lock file cannot be linked into place; a lock directory may work (layout: directory)';
    return new UnsupportedError(
      request,
      `This file system makes no hard links (${code}), so ${advice}`,
      error,
    );
  }
  return new UnwritableError(request, code, error);
}

/** Runs an attempt. Whatever the system refuses it becomes an error about the lock. */
export function attempt<T>(request: LockRequest, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw failure(request, error);
  }
}
