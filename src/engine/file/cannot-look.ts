import { BindingError } from '../../binding/index.ts';
import { cannotBeSeen } from '../../errors/advice.ts';
import { HoldfastError, systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { ExhaustedError, UnwritableError } from '../../errors/lock-errors.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';

/**
 * That nothing can be seen of the lock at a path; `HOLDFAST_EXHAUSTED` where that says nothing about the lock. What the
 * system did not say stays as it is.
 */
export function cannotLook(path: string, cause: unknown): Error {
  const lack = cause instanceof BindingError ? cause.lack : undefined;
  const code = lack ?? systemCode(cause);
  if (code === undefined || cause instanceof HoldfastError) return cause as Error;
  const facts = { resource: path, path, cliName: path };
  if (isExhaustion(code)) return new ExhaustedError(facts, code, cause);
  if (lstatOrNothing(path) !== undefined) return UnwritableError.ofFile(facts, code, cause);
  return new UnwritableError(facts, code, cause, () => cannotBeSeen(path, code, cause));
}
