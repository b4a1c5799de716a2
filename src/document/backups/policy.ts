import { InputError } from '../../errors/input-error.ts';
import { amount, check, given, object } from '../../lock/known-options.ts';

export interface BackupOptions {
  /** Milliseconds between two backups that are made only because of saves. Default: 60,000. */
  readonly interval?: number | undefined;
  /** How many of the newest are kept. Default: 5. */
  readonly newest?: number | undefined;
  /** For so many days back, the newest of each day (in UTC) is kept as well. Default: 7. */
  readonly days?: number | undefined;
  /** Days after which none is kept, but for the last one that is whole. Default: 30. */
  readonly longest?: number | undefined;
}

export type BackupPolicy = { readonly [option in keyof Required<BackupOptions>]: number };

const DEFAULTS: BackupPolicy = { interval: 60_000, newest: 5, days: 7, longest: 30 };

/** @throws {InputError} for what is no number of milliseconds, backups or days. */
export function policyOf(options: BackupOptions): BackupPolicy {
  check('backups', options, { ...object, what: 'an object, or false' });
  for (const [name, value] of Object.entries(options)) {
    if (!(name in DEFAULTS)) {
      throw new InputError(
        `backups.${name}`,
        `is not an option; the options are ${Object.keys(DEFAULTS).join(', ')}`,
      );
    }
    if (value !== undefined) check(`backups.${name}`, value, amount);
  }
  return { ...DEFAULTS, ...given(options) };
}
