import { InputError, shown } from '../errors/input-error.ts';
import { Date } from '../time/time.ts';
import type { EntryRecord } from './record.ts';

/**
 * When an entry is fetched. `never`: not at all. `if-missing`: when there is none. `always`: each time. `{ maxAge }`: when
 * it was last known to be current longer ago than so many milliseconds.
 */
export type Policy = 'never' | 'if-missing' | 'always' | { readonly maxAge: number };

export const DEFAULT_POLICY: Policy = 'if-missing';

/** @throws {InputError} */
export function checkPolicy(policy: unknown): void {
  if (policy === 'never' || policy === 'if-missing' || policy === 'always') return;
  const { maxAge } = (policy ?? {}) as { maxAge?: unknown };
  if (typeof maxAge === 'number' && maxAge >= 0) return;
  throw new InputError(
    'policy',
    `must be 'never', 'if-missing', 'always' or { maxAge } in milliseconds, got ${shown(policy)}`,
  );
}

/** Whether an entry that is there answers for a fetch. One from the future, or of no time at all, is too old. */
export function isCurrent(policy: Policy, { checked }: EntryRecord, now = Date.now()): boolean {
  if (policy === 'always') return false;
  if (typeof policy === 'string') return true;
  const age = now - Date.parse(checked);
  return age >= 0 && age < policy.maxAge;
}
