import { shown } from '../errors/input-error.ts';
import { type Kind, span } from '../lock/known-options.ts';
import { Date } from '../time/time.ts';
import type { EntryRecord } from './record.ts';

/**
 * When an entry is fetched. `never`: not at all. `if-missing`: when there is none. `always`: each time. `{ maxAge }`: when
 * it was last known to be current longer ago than so many milliseconds.
 */
export type Policy = 'never' | 'if-missing' | 'always' | { readonly maxAge: number };

export const DEFAULT_POLICY: Policy = 'if-missing';

export const policy: Kind = {
  what: "'never', 'if-missing', 'always' or { maxAge } in milliseconds",
  fits: (value) => ['never', 'if-missing', 'always'].includes(value as string) || span.fits(maxAgeOf(value)),
  tell: (value) => (maxAgeOf(value) === undefined ? shown(value) : `{ maxAge: ${shown(maxAgeOf(value))} }`),
};

function maxAgeOf(value: unknown): unknown {
  return (value as { maxAge?: unknown } | null | undefined)?.maxAge;
}

/** Whether an entry that is there answers for a fetch. One from the future, or of no time at all, is too old. */
export function isCurrent(policy: Policy, { checked }: EntryRecord, now = Date.now()): boolean {
  if (policy === 'always') return false;
  if (typeof policy === 'string') return true;
  const age = now - Date.parse(checked);
  return age >= 0 && age < policy.maxAge;
}
