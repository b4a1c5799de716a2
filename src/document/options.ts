import { InputError, shown } from '../errors/input-error.ts';
import { checkNames, namesOf } from '../lock/known-options.ts';
import { LockManager } from '../lock/manager.ts';
import type { MergeOptions } from '../merge/merge.ts';
import type { BackupOptions } from './backups/policy.ts';
import type { StandardSchema } from './schema.ts';

/** How the value of an older version of the program becomes one of this version. */
export interface Migration {
  /** The version of this program's documents: a whole number. */
  readonly version: number;
  /** Changes the value in place, or returns a new one. `from`: the version of the file, 0 where it names none. */
  readonly up: (value: unknown, from: number) => unknown;
  /** The member of the file that has its version. Default: `$version`. */
  readonly member?: string | undefined;
}

export interface DocumentOptions<T> {
  /** Any schema of the Standard Schema interface. It checks values; what it returns is not used. */
  readonly schema?: StandardSchema<T> | undefined;
  /** How unsaved edits are merged with what others wrote. */
  readonly merge?: Omit<MergeOptions, 'identity'> | undefined;
  /** By which members records are told apart in a merge. Default: `id`, `key`, `name`. */
  readonly identity?: MergeOptions['identity'];
  /** What a document that does not exist begins with; without it, that is an error. */
  readonly create?: T | (() => T) | undefined;
  /** Refuse every change. Default false. */
  readonly readOnly?: boolean | undefined;
  /** `auto` (default): `read()` gives what others wrote as it comes. `manual`: only after `reload()`. */
  readonly follow?: 'auto' | 'manual' | undefined;
  /** Milliseconds by which `save()` waits for more edits. Default 0. */
  readonly debounce?: number | undefined;
  /** How many copies of older texts are kept beside the file; `false`: none. */
  readonly backups?: BackupOptions | false | undefined;
  /** `auto`: a file that is damaged when it is opened is restored from its newest whole backup. Default: that is an error. */
  readonly recover?: 'auto' | undefined;
  readonly migrate?: Migration | undefined;
  /** Milliseconds a change waits for the lock. Default: 5,000, on network drives 30,000. */
  readonly timeout?: number | undefined;
  /** Milliseconds a recipe may hold the lock. Default 30,000. */
  readonly holdLimit?: number | undefined;
  /** Bytes of the largest text. Default: 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Whose locks are used: for an engine, an audit log or a fallback directory of one's own. */
  readonly locks?: LockManager | undefined;
}

const OPTIONS = namesOf<DocumentOptions<unknown>>({
  schema: true,
  merge: true,
  identity: true,
  create: true,
  readOnly: true,
  follow: true,
  debounce: true,
  backups: true,
  recover: true,
  migrate: true,
  timeout: true,
  holdLimit: true,
  maxBytes: true,
  locks: true,
});

export const MAX_BYTES = 64 * 1024 * 1024;
export const HOLD_LIMIT = 30_000;

let own: LockManager | undefined;

/** The manager of those who bring none. */
export function defaultLocks(): LockManager {
  own ??= new LockManager();
  return own;
}

/** @throws {InputError} naming the option. */
export function checkDocumentOptions(options: DocumentOptions<never>): void {
  checkNames(options as object, OPTIONS);
  const { schema, merge, readOnly, follow, debounce, recover, migrate, timeout, holdLimit, maxBytes, locks } =
    options;
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
    throw new InputError('schema', `must have the Standard Schema interface, got ${shown(schema)}`);
  }
  check('merge', merge, typeof merge === 'object' && merge !== null, 'an object');
  check('readOnly', readOnly, typeof readOnly === 'boolean', 'true or false');
  check('follow', follow, follow === 'auto' || follow === 'manual', "'auto' or 'manual'");
  check('recover', recover, recover === 'auto', "'auto'");
  check('debounce', debounce, isSpan(debounce) && debounce !== Number.POSITIVE_INFINITY, 'milliseconds');
  check('timeout', timeout, isSpan(timeout), 'milliseconds');
  check('holdLimit', holdLimit, isSpan(holdLimit) && holdLimit !== 0, 'milliseconds above 0');
  check('maxBytes', maxBytes, isSpan(maxBytes) && maxBytes !== 0, 'a number of bytes');
  check('locks', locks, locks instanceof LockManager, 'a LockManager');
  const { version, up, member = '' } = migrate ?? {};
  const isMigration = Number.isInteger(version) && typeof up === 'function' && typeof member === 'string';
  check('migrate', migrate, isMigration, '{ version, up } with a whole number and a function');
}

function isSpan(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function check(name: string, value: unknown, isRight: boolean, what: string): void {
  if (value !== undefined && !isRight) throw new InputError(name, `must be ${what}, got ${shown(value)}`);
}
