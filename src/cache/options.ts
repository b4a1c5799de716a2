import { InputError, shown } from '../errors/input-error.ts';
import type { AuditOptions } from '../events/audit.ts';
import { checkNames, namesOf } from '../lock/known-options.ts';
import type { EntryInfo } from './entry.ts';
import type { MirrorMode } from './mirror.ts';
import { checkPolicy, type Policy } from './policy.ts';
import { LONGEST_KEY } from './record.ts';

export interface CacheOptions {
  /**
   * For whom a directory that does not exist yet is made: its `owner` alone (0700, default), or `shared` with those whom
   * the umask lets in. One that exists keeps its mode, and what is made in it follows that.
   */
  readonly access?: 'owner' | 'shared';
  /** What `prune` leaves at most, in bytes. Default: no limit. */
  readonly maxBytes?: number;
  /** Milliseconds for which a returned path stays usable after its last use. Default one hour. */
  readonly graceMs?: number;
  /** How mirrors are made: `auto` (default) takes the first of reflink, link and copy that works. */
  readonly mirrorMode?: MirrorMode;
  /** Longest wait for somebody else's fetch, in milliseconds. Default 60,000. */
  readonly timeout?: number;
  /** Longest sleep between two looks at a busy lock, in milliseconds. */
  readonly pollInterval?: number;
  /** Append every event of this cache to a file. */
  readonly audit?: Omit<AuditOptions, 'filter'>;
}

export interface Progress {
  readonly key: string;
  /** Bytes. Goes back when a download starts over. */
  readonly done: number;
  readonly total?: number;
}

export interface FetchOptions {
  /** When to fetch. Default `if-missing`. */
  readonly policy?: Policy;
  /**
   * A path that is to hold the content as well, made or refreshed before the lock is released; or what gives the path,
   * also inside the lock, once the entry is known.
   */
  readonly mirror?: string | ((entry: EntryInfo) => string | PromiseLike<string>);
  readonly mirrorMode?: MirrorMode;
  /** What the bytes must match, as Subresource Integrity. An entry that does not match counts as none. */
  readonly integrity?: string;
  /** Lets `integrity` name sha1 and md5. Default false. */
  readonly allowWeak?: boolean;
  /** How many bytes there must be. */
  readonly size?: number;
  /** Whether an entry without bytes is one. Default: only with `size: 0`. */
  readonly allowEmpty?: boolean;
  /** How an entry is looked at before it is served: by the time and size of its content (default), or by its hash. */
  readonly verify?: 'fingerprint' | 'full';
  /** Whether a refresh that fails gives the entry there was. Default false. */
  readonly staleIfError?: boolean;
  /** Ends this call. What it fetches goes on while another call of this thread waits for it. */
  readonly signal?: AbortSignal;
  /** Longest wait for somebody else's fetch, not for one's own. 0 does not wait. */
  readonly timeout?: number;
  readonly onProgress?: (progress: Progress) => void;
}

const CACHE_OPTIONS = namesOf<CacheOptions>({
  access: true,
  maxBytes: true,
  graceMs: true,
  mirrorMode: true,
  timeout: true,
  pollInterval: true,
  audit: true,
});
const FETCH_OPTIONS = namesOf<FetchOptions>({
  policy: true,
  mirror: true,
  mirrorMode: true,
  integrity: true,
  allowWeak: true,
  size: true,
  allowEmpty: true,
  verify: true,
  staleIfError: true,
  signal: true,
  timeout: true,
  onProgress: true,
});
const MIRROR_MODES: readonly unknown[] = ['auto', 'reflink', 'link', 'copy'] satisfies MirrorMode[];

/** @throws {InputError} */
export function checkKey(key: unknown): void {
  if (typeof key !== 'string' || key === '') {
    throw new InputError('key', `must be a string that is not empty, got ${shown(key)}`);
  }
  if (key.length > LONGEST_KEY) {
    throw new InputError(
      'key',
      `must have at most ${LONGEST_KEY} characters, got ${key.length}: use a hash of it`,
    );
  }
}

/** @throws {InputError} naming the option. */
export function checkCacheOptions(options: CacheOptions): void {
  checkNames(options, CACHE_OPTIONS);
  oneOf('access', options.access, ['owner', 'shared']);
  oneOf('mirrorMode', options.mirrorMode, MIRROR_MODES);
  number('maxBytes', options.maxBytes);
  number('graceMs', options.graceMs);
  number('timeout', options.timeout);
  number('pollInterval', options.pollInterval);
}

/** @throws {InputError} naming the option. */
export function checkFetchOptions(options: FetchOptions): void {
  checkNames(options, FETCH_OPTIONS);
  if (options.policy !== undefined) checkPolicy(options.policy);
  const { mirror, signal, onProgress } = options;
  if (mirror !== undefined && typeof mirror !== 'function') checkMirror(mirror);
  oneOf('mirrorMode', options.mirrorMode, MIRROR_MODES);
  oneOf('verify', options.verify, ['fingerprint', 'full']);
  for (const name of ['allowWeak', 'allowEmpty', 'staleIfError'] as const)
    oneOf(name, options[name], [true, false]);
  number('size', options.size);
  number('timeout', options.timeout);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InputError('signal', `must be an AbortSignal, got ${shown(signal)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new InputError('onProgress', `must be a function, got ${shown(onProgress)}`);
  }
}

/** @throws {InputError} */
export function checkMirror(path: unknown): void {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return;
  throw new InputError('mirror', `must be a path, got ${shown(path)}`);
}

function number(name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw new InputError(name, `must be a number, 0 or more, got ${shown(value)}`);
}

function oneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new InputError(name, `must be one of ${allowed.map(shown).join(', ')}, got ${shown(value)}`);
}
