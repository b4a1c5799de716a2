import type { Json } from '../json/json.ts';
import { jsonOf } from '../json/values.ts';
import { type MergeOptions, merge } from '../merge/merge.ts';
import { versioned } from './adopt.ts';
import { policyOf } from './backups/policy.ts';
import {
  checkDocumentOptions,
  type DocumentOptions,
  defaultLocks,
  HOLD_LIMIT,
  MAX_BYTES,
} from './options.ts';
import type { Restored } from './recovery/recovery.ts';

/** What a new document begins with: it is of this program's version. */
function createdBy<T>({ create, migrate }: DocumentOptions<T>, path: string): Settings<T>['create'] {
  if (create === undefined) return undefined;
  const made = typeof create === 'function' ? (create as () => T) : () => create;
  return () => versioned({ migrate, path }, jsonOf(made()));
}

type Given = 'schema' | 'recover' | 'migrate' | 'timeout';
type Defaulted = 'readOnly' | 'follow' | 'debounce' | 'backups' | 'holdLimit' | 'maxBytes' | 'locks';

/** The options of a document once they were checked, and what was found when it was opened. */
export interface Settings<T>
  extends Pick<DocumentOptions<T>, Given>,
    Readonly<{ [option in Defaulted]: NonNullable<DocumentOptions<T>[option]> }> {
  readonly path: string;
  readonly mergeOptions: MergeOptions;
  /** What a new document begins with; undefined where a document that is missing is an error. */
  readonly create: (() => Json) | undefined;
  readonly manager: number;
  restored?: Restored | undefined;
}

/** @throws {InputError} naming the option. */
export function settingsOf<T>(path: string, options: DocumentOptions<T>): Settings<T> {
  checkDocumentOptions(options as DocumentOptions<never>);
  const { identity, backups = {}, locks = defaultLocks() } = options;
  const mergeOptions = { ...options.merge, ...(identity !== undefined && { identity }) };
  merge<Json>(null, null, null, mergeOptions); // or what is wrong with them would be told when edits are to be saved
  if (backups !== false) policyOf(backups); // as with these
  return {
    ...options,
    path,
    mergeOptions,
    create: createdBy(options, path),
    readOnly: options.readOnly === true,
    follow: options.follow ?? 'auto',
    debounce: options.debounce ?? 0,
    backups,
    holdLimit: options.holdLimit ?? HOLD_LIMIT,
    maxBytes: options.maxBytes ?? MAX_BYTES,
    locks,
    manager: locks.id,
  };
}
