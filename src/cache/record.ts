import type { Digests } from '../content/integrity.ts';
import type { Validators } from '../content/validators.ts';
import type { FetchFailure } from '../errors/cache-errors.ts';
import type { HolderRecord } from '../identity/holder.ts';
import { Date } from '../time/time.ts';

/** Bytes of a record, or a mark of a failure: what is longer is none. There is room for any key, with all of it escaped. */
export const LONGEST_RECORD = 1024 * 1024;
/** Characters. */
export const LONGEST_KEY = 100_000;

/** A content that an entry had before, and when it was replaced: a path to it may still be in use. */
export interface Retired {
  readonly content: string;
  /** Wall-clock time, ISO 8601. */
  readonly at: string;
}

/** Who published: a part of the holder record of a lock. */
export type Publisher = Pick<HolderRecord, 'pid' | 'host' | 'user' | 'command'>;

/** What one file in `entries` says. Written whole, never changed in place. */
export interface EntryRecord {
  readonly format: 1;
  readonly key: string;
  /** SHA-256 in hexadecimal; null for a key whose entry was deleted. */
  readonly content: string | null;
  /** All digests that were computed when it was published, in hexadecimal; and the same as Subresource Integrity. */
  readonly digests: Digests;
  readonly integrity: string;
  /** Bytes. */
  readonly size: number;
  /** Of the content when it was published; with `size`, tells that nobody has touched it since. Milliseconds. */
  readonly mtime: number;
  /** Rises with every publish. */
  readonly generation: number;
  /** When the bytes were made, and when they were last known to be current; ISO 8601. */
  readonly produced: string;
  readonly checked: string;
  readonly by: Publisher;
  readonly validators?: Validators | undefined;
  /** Where the bytes came from, without secrets. */
  readonly url?: string | undefined;
  readonly retired: readonly Retired[];
}

/** What the last flights of a key that failed have left for those who waited through them, newest first. */
export interface FailureMarks {
  readonly key: string;
  readonly marks: readonly FailureMark[];
}

/** One failure, and what it is a failure of: of nobody for whom one of these is another. */
export interface FailureMark {
  /** Tells this failure from every other. */
  readonly id: string;
  readonly failure: FetchFailure;
  readonly by: string;
  /** A hash of the terms of a download; empty for any other producer. */
  readonly download: string;
  /** What was asked of the bytes, where it may have failed by that. */
  readonly wish?: string | undefined;
  /** The machine and the user, where the system had a say. */
  readonly place?: string | undefined;
}

/** A record that holds a content. */
export type PresentRecord = EntryRecord & { readonly content: string };

export function isPresent(record: EntryRecord | undefined): record is PresentRecord {
  return record !== undefined && record.content !== null;
}

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * The record in this text, of `key` where that is known; undefined for anything else: torn, damaged or forged. Fields that
 * a later version has added are kept.
 */
export function parseRecord(text: string, key?: string): EntryRecord | undefined {
  let value: EntryRecord | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || value.format !== 1) return undefined;
  if (typeof value.key !== 'string' || (key !== undefined && value.key !== key)) return undefined;
  const { content, digests, integrity, size, mtime, generation, produced, checked, by, retired } = value;
  const { validators = {}, url = '' } = value;
  const { etag, lastModified, date, disposition, source } = validators ?? {};
  const isRecord =
    typeof integrity === 'string' &&
    isTime(produced) &&
    isTime(checked) &&
    typeof url === 'string' &&
    isObject(digests) &&
    Object.values(digests).every(isText) &&
    isPublisher(by) &&
    isObject(validators) &&
    [etag, lastModified, date, disposition, source].every(isTextOrNone) &&
    (content === null || (DIGEST.test(content) && digests.sha256 === content)) &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    Number.isFinite(mtime) &&
    Number.isSafeInteger(generation) &&
    generation > 0 &&
    Array.isArray(retired) &&
    retired.every(isRetired);
  if (!isRecord) return undefined;
  for (const part of [digests, by, validators]) Object.freeze(part); // callers get them, and later calls the same ones
  return value;
}

/** Of what replaces a record: another one, after any. */
export function generationAfter(previous: EntryRecord | undefined): number {
  const { generation = 0 } = previous ?? {};
  return generation < Number.MAX_SAFE_INTEGER ? generation + 1 : 1;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || isText(value);
}

function isTime(value: unknown): boolean {
  return isText(value) && Number.isFinite(Date.parse(value));
}

function isPublisher(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { pid, host, user, command } = value as Publisher;
  return (pid === undefined || Number.isSafeInteger(pid)) && [host, user, command].every(isTextOrNone);
}

function isRetired(value: unknown): boolean {
  const { content, at } = (value ?? {}) as Partial<Retired>;
  return isText(content) && DIGEST.test(content) && isTime(at);
}
