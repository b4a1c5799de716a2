import { printable } from '../errors/describe.ts';
import { LockError } from '../errors/lock-errors.ts';
import type { LockManager } from '../lock/manager.ts';
import { query, type Survey } from '../lock/query.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

/** The locks on names. @throws {CliError} their directory is there and cannot be looked into. */
export function listLocks(manager: LockManager): Survey {
  try {
    return query(manager.directory);
  } catch (error) {
    if (!(error instanceof LockError) || error.path !== manager.directory) throw error;
    throw new CliError(exitCodes.failure, 'HOLDFAST_UNREADABLE', error.message);
  }
}

/** That a list lacks locks of which this user may see nothing; undefined where it lacks none. */
export function lackOf({ unseen: [first, ...more] }: Survey): string | undefined {
  if (first === undefined) return undefined;
  const which =
    more.length === 0
      ? `the lock ${printable(first)}: it`
      : `${more.length + 1} locks, such as ${printable(first)}: each`;
  return `this user may not look at ${which} can be held all the same. Have its owner let this user read it, or do this as its owner`;
}
