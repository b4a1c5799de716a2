import { Date } from '../time/time.ts';

/** What a server said of a content's version. As it came: an ETag with its quotes and its `W/`. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** The server's own clock when it said so. */
  readonly date?: string | undefined;
  /** What it calls the file: its `Content-Disposition`. */
  readonly disposition?: string | undefined;
  /** Of which address that was said, as a fingerprint: the same validator may stand for other bytes elsewhere. */
  readonly source?: string | undefined;
}

/** What a producer gives in the place of bytes: those that are there are of the current version. */
export const NOT_MODIFIED = Object.freeze({ notModified: true as const });
export type NotModified = typeof NOT_MODIFIED;

/** Whether something is that, also of another copy of the package: a download may come from one, and the cache from another. */
export function isNotModified(value: unknown): value is NotModified {
  return typeof value === 'object' && value !== null && 'notModified' in value && value.notModified === true;
}

/** Milliseconds. A file that changed twice within a second keeps its date; RFC 9110, 8.8.2.2 asks for this distance. */
const SETTLED = 60_000;

/**
 * What can stand in `If-Range`: a strong ETag, or a date of change that was well in the past when the server told it.
 * Undefined where the same validator may belong to different bytes.
 */
export function strongValidator({ etag, lastModified, date }: Validators): string | undefined {
  if (etag !== undefined) return /^"[^"]*"$/.test(etag) ? etag : undefined;
  return settledDate({ lastModified, date });
}

function settledDate({ lastModified, date }: Validators): string | undefined {
  if (lastModified === undefined || date === undefined) return undefined;
  return Date.parse(date) - Date.parse(lastModified) >= SETTLED ? lastModified : undefined;
}

/** Whether it has the form of one (RFC 9110, 8.8.3). A bare `*`, sent back, would match every version. */
export function isEntityTag(text: string): boolean {
  return /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(text);
}

/** What is sent back to be asked for a body only when it is another one than what this was said of. */
export type Conditions = Readonly<
  Partial<Record<'if-none-match', string> & Record<'if-modified-since', string>>
>;

/** None where only a date is known that another version may have too: the body then comes whole. */
export function conditionsFor(validators: Validators): Conditions {
  const { etag } = validators;
  if (etag !== undefined) return { 'if-none-match': etag };
  const since = settledDate(validators);
  return since === undefined ? {} : { 'if-modified-since': since };
}

/** What of it is text that a header may hold. For what was read from a file. */
export function readValidators(value: unknown): Validators {
  const { etag, lastModified, date, disposition, source } = (value ?? {}) as Record<string, unknown>;
  const isText = ([name, text]: [string, unknown]) =>
    typeof text === 'string' && (name === 'etag' ? isEntityTag(text) : /^[\x20-\x7e\x80-\xff]*$/.test(text));
  return Object.fromEntries(Object.entries({ etag, lastModified, date, disposition, source }).filter(isText));
}
