import type { AuditOptions } from '../events/audit.ts';
import {
  anything,
  callback,
  check,
  extent,
  flag,
  type Kind,
  type Kinds,
  oneOf,
  path,
  signal,
  span,
} from '../lock/known-options.ts';
import type { EntryInfo } from './entry.ts';
import { type Policy, policy } from './policy.ts';
import { LONGEST_KEY } from './record.ts';

/** How a mirror is made. `auto`: by the first of reflink, link and copy that works. */
export type MirrorMode = 'auto' | 'reflink' | 'link' | 'copy';

export interface CacheOptions {
  /**
   * For whom a directory that does not exist yet is made: its `owner` alone (0700, default), or `shared` with those whom
   * the umask lets in. One that exists keeps its mode, and what is made in it follows that.
   */
  readonly access?: 'owner' | 'shared' | undefined;
  /** What `prune` leaves at most, in bytes. Default: no limit. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds for which a returned path stays usable after its last use. Default one hour. */
  readonly graceMs?: number | undefined;
  /** How mirrors are made: `auto` (default) takes the first of reflink, link and copy that works. */
  readonly mirrorMode?: MirrorMode | undefined;
  /** Longest wait for somebody else's fetch, in milliseconds. Default 60,000. */
  readonly timeout?: number | undefined;
  /** Longest sleep between two looks at a busy lock, in milliseconds. Default: 300 with kernel events, 40 to 50 without. */
  readonly pollInterval?: number | undefined;
  /** Append every event of this cache to a file. */
  readonly audit?: Omit<AuditOptions, 'filter'> | undefined;
}

export interface Progress {
  readonly key: string;
  /** Bytes. Goes back when a download starts over. */
  readonly done: number;
  readonly total?: number | undefined;
}

export interface FetchOptions {
  /** When to fetch. Default `if-missing`. */
  readonly policy?: Policy | undefined;
  /**
   * A path that is to hold the content as well, made or refreshed before the lock is released; or what gives the path,
   * also inside the lock, once the entry is known.
   */
  readonly mirror?: (string | ((entry: EntryInfo) => string | PromiseLike<string>)) | undefined;
  readonly mirrorMode?: MirrorMode | undefined;
  /** What the bytes must match, as Subresource Integrity. An entry that does not match counts as none. */
  readonly integrity?: string | undefined;
  /** Lets `integrity` name sha1 and md5. Default false. */
  readonly allowWeak?: boolean | undefined;
  /** How many bytes there must be. */
  readonly size?: number | undefined;
  /** Whether an entry without bytes is one. Default: only with `size: 0`. */
  readonly allowEmpty?: boolean | undefined;
  /** How an entry is looked at before it is served: by the time and size of its content (default), or by its hash. */
  readonly verify?: 'fingerprint' | 'full' | undefined;
  /** Whether a refresh that fails gives the entry there was. Default false. */
  readonly staleIfError?: boolean | undefined;
  /** Ends this call. What it fetches goes on while another call of this thread waits for it. */
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for somebody else's fetch, not for one's own. 0 does not wait. */
  readonly timeout?: number | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

const mirrorMode = oneOf(...(['auto', 'reflink', 'link', 'copy'] satisfies MirrorMode[]));

export const CACHE_OPTIONS: Kinds<CacheOptions> = {
  access: oneOf('owner', 'shared'),
  maxBytes: extent,
  graceMs: span,
  mirrorMode,
  timeout: span,
  pollInterval: span,
  audit: anything, // `AuditLog` looks
};

export const FETCH_OPTIONS: Kinds<FetchOptions> = {
  policy,
  mirror: { what: path.what, fits: (value) => typeof value === 'function' || path.fits(value) },
  mirrorMode,
  integrity: anything, // `parseIntegrity` looks
  allowWeak: flag,
  size: extent,
  allowEmpty: flag,
  verify: oneOf('fingerprint', 'full'),
  staleIfError: flag,
  signal,
  timeout: span,
  onProgress: callback,
};

const key: Kind = {
  what: `a string of 1 to ${LONGEST_KEY} characters (for a longer one, use a hash of it)`,
  fits: (value) => typeof value === 'string' && value !== '' && value.length <= LONGEST_KEY,
};

/** @throws {InputError} */
export function checkKey(value: unknown): void {
  check('key', value, key);
}
