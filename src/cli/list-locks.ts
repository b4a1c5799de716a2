import { opendirSync } from 'node:fs';
import { adviceOn } from '../errors/advice.ts';
import { systemCode } from '../errors/base.ts';
import { printable } from '../errors/describe.ts';
import type { LockManager } from '../lock/manager.ts';
import type { LockInfo } from '../lock/query.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

/** The locks on names. @throws {CliError} their directory is there and cannot be looked into. */
export function listLocks(manager: LockManager): LockInfo[] {
  try {
    opendirSync(manager.directory).closeSync();
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    if (code !== 'ENOENT') {
      throw new CliError(
        exitCodes.failure,
        'HOLDFAST_UNREADABLE',
        `the locks in ${printable(manager.directory)} cannot be read (${code}). ${adviceOn(manager.directory, code, error)}`,
      );
    }
  }
  return manager.list();
}
