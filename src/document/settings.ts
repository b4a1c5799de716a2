import type { LockManager } from '../lock/manager.ts';
import type { MergeOptions } from '../merge/merge.ts';
import type { BackupOptions } from './backups/policy.ts';
import {
  checkDocumentOptions,
  type DocumentOptions,
  defaultLocks,
  HOLD_LIMIT,
  MAX_BYTES,
  type Migration,
} from './options.ts';
import type { Restored } from './recovery/recovery.ts';
import type { StandardSchema } from './schema.ts';

/** What a new document begins with: it is of this program's version. */
function createdBy<T>(create: T | (() => T), migrate: Migration | undefined): unknown {
  const value: unknown = typeof create === 'function' ? (create as () => T)() : create;
  if (migrate === undefined || typeof value !== 'object' || value === null) return value;
  return { [migrate.member ?? '$version']: migrate.version, ...value };
}

/** The options of a document once they were checked, and what was found when it was opened. */
export interface Settings<T> {
  readonly path: string;
  readonly schema: StandardSchema<T> | undefined;
  readonly mergeOptions: MergeOptions;
  /** Undefined where a document that is missing is an error. */
  readonly create: (() => unknown) | undefined;
  readonly readOnly: boolean;
  readonly follow: 'auto' | 'manual';
  readonly debounce: number;
  readonly backups: BackupOptions | false;
  readonly recover: 'auto' | undefined;
  readonly migrate: Migration | undefined;
  readonly timeout: number | undefined;
  readonly holdLimit: number;
  readonly maxBytes: number;
  readonly locks: LockManager;
  readonly manager: number;
  restored?: Restored | undefined;
}

/** @throws {InputError} naming the option. */
export function settingsOf<T>(path: string, options: DocumentOptions<T>): Settings<T> {
  checkDocumentOptions(options as DocumentOptions<never>);
  const { create, identity, locks = defaultLocks() } = options;
  return {
    path,
    schema: options.schema,
    mergeOptions: { ...options.merge, ...(identity !== undefined && { identity }) },
    create: create === undefined ? undefined : () => createdBy(create, options.migrate),
    readOnly: options.readOnly === true,
    follow: options.follow ?? 'auto',
    debounce: options.debounce ?? 0,
    backups: options.backups ?? {},
    recover: options.recover,
    migrate: options.migrate,
    timeout: options.timeout,
    holdLimit: options.holdLimit ?? HOLD_LIMIT,
    maxBytes: options.maxBytes ?? MAX_BYTES,
    locks,
    manager: locks.id,
  };
}
