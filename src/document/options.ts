import {
  anything,
  checkKinds,
  flag,
  type Kind,
  type Kinds,
  object,
  oneOf,
  span,
} from '../lock/known-options.ts';
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
  /** The member of the file that has its version. Default: `$version`. No recipe changes it; one that drops it has it put back. */
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

const positive = (unit: string): Kind => ({
  what: `a number of ${unit} above 0`,
  fits: (value) => span.fits(value) && value !== 0,
});

const KINDS: Kinds<DocumentOptions<unknown>> = {
  schema: {
    what: 'a schema of the Standard Schema interface',
    fits: (value) => typeof (value as StandardSchema | null)?.['~standard']?.validate === 'function',
  },
  merge: object,
  identity: anything,
  create: anything,
  readOnly: flag,
  follow: oneOf('auto', 'manual'),
  debounce: { what: span.what, fits: (value) => span.fits(value) && Number.isFinite(value) },
  backups: anything,
  recover: oneOf('auto'),
  migrate: {
    what: '{ version, up } with a whole number and a function',
    fits: (value) => {
      const { version, up, member = '' } = (value ?? {}) as Partial<Migration>;
      return Number.isInteger(version) && typeof up === 'function' && typeof member === 'string';
    },
  },
  timeout: span,
  holdLimit: positive('milliseconds'),
  maxBytes: positive('bytes'),
  locks: { what: 'a LockManager', fits: (value) => value instanceof LockManager },
};

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
  checkKinds<DocumentOptions<unknown>>(options as DocumentOptions<unknown>, KINDS);
}
