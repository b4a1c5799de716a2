import { LockError } from '../errors/lock-errors.ts';
import type { LockManager } from '../lock/manager.ts';
import type { LockInfo } from '../lock/query.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

/** The locks on names. @throws {CliError} their directory is there and cannot be looked into. */
export function listLocks(manager: LockManager): LockInfo[] {
  try {
    return manager.list();
  } catch (error) {
    if (!(error instanceof LockError) || error.path !== manager.directory) throw error;
    throw new CliError(exitCodes.failure, 'HOLDFAST_UNREADABLE', error.message);
  }
}
