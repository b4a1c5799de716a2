import { HoldfastError, systemCode } from '../../errors/base.ts';
import { UnsupportedError } from '../../errors/lock-errors.ts';
import type { LockRequest } from '../engine.ts';
import { unusable } from '../file/unusable.ts';
import { BUSY, type Found } from './look.ts';
import type { LayoutName } from './settings.ts';

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** What the system said, as an error a person can act on; one that is of Holdfast's own making stays as it is. */
export function failure(request: LockRequest, error: unknown, layout?: LayoutName): Error {
  const code = systemCode(error);
  if (code === undefined || error instanceof HoldfastError) return error as Error;
  if (layout === 'file' && NO_LINKS.includes(code)) {
    const advice = 'a lock file cannot be linked into place; a lock directory may work (layout: directory)';
    return new UnsupportedError(
      request,
      `This file system makes no hard links (${code}), so ${advice}`,
      error,
    );
  }
  return unusable(request, code, error);
}

/** What may be held for all that can be seen: a claim of another user, or claims that come and go. */
const HIDDEN: readonly string[] = ['EACCES', BUSY];

/** @throws an error that says why it cannot be told what stands at `request.path`, unless it has to count as held. */
export function refuseUnreadable(request: LockRequest, found: Unreadable): void {
  if (!mayBeHeld(found)) throw unusable(request, found.code);
}

export function mayBeHeld({ code, stands }: Unreadable): boolean {
  return stands && HIDDEN.includes(code);
}

type Unreadable = Pick<Extract<Found, { kind: 'unreadable' }>, 'code' | 'stands'>;

/** Runs an attempt. Whatever the system refuses it becomes an error about the lock. */
export function attempt<T>(request: LockRequest, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw failure(request, error);
  }
}
