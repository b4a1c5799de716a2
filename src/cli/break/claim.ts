import { holder, printable } from '../../errors/describe.ts';
import type { LockManager } from '../../lock/manager.ts';
import type { LockInfo } from '../../lock/query.ts';
import type { Target } from '../../lock/resource.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { confirm } from './confirm.ts';

interface Question {
  readonly target: Target;
  /** How other commands call the lock. */
  readonly cliName: string;
  readonly claim: string;
  /** Asks a person; false: `--yes` was given. */
  readonly isAsked: boolean;
}

/**
 * Removes the claim of a holder that a person knows to be gone for good.
 *
 * @throws {CliError} it stands there no more, its owner lives, or the answer was no: then nothing was touched.
 */
export async function breakClaim(
  manager: LockManager,
  { target, cliName, claim, isAsked }: Question,
): Promise<void> {
  const { resource, holders } = manager.inspect(target);
  const name = printable(resource);
  const record = holders.find((each) => each.claim === claim);
  if (record === undefined) {
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_LEFT_ALONE',
      `${name} is left alone: no claim ${printable(claim)} stands there${others(holders)}`,
      { resource, holders },
    );
  }
  const who = holder(record);
  if (isAsked && !(await confirm(`${who} may be cut off and still at work. Is it gone for good?`))) {
    throw new CliError(exitCodes.no, 'HOLDFAST_UNCONFIRMED', 'nothing was done', { resource, holders });
  }
  const outcome = manager.breakClaim(target, claim);
  if (outcome === 'alive') {
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_LEFT_ALONE',
      `${name} is left alone: ${who} is alive. End it: holdfast break --kill ${cliName}`,
      { resource, holders },
    );
  }
  if (outcome === 'busy')
    throw new CliError(
      exitCodes.no,
      'HOLDFAST_LEFT_ALONE',
      `the claim of ${who} is being removed already, by its owner or by somebody else; look again`,
      { resource, holders },
    );
}

function others(holders: LockInfo['holders']): string {
  const claims = holders.flatMap(({ claim }) => claim ?? []);
  return claims.length === 0 ? '' : `, but ${claims.join(', ')}`;
}
