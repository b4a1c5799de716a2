import { createHash } from 'node:crypto';
import type { HolderRecord } from '../identity/holder.ts';
import { isDigest, isHolder, isTime } from './current.ts';
import { decodeValue, isValueKind, type ValueKind } from './value.ts';

/** What a record says of the run whose outcome it holds. */
export interface RecordHeader {
  readonly key: string;
  /** The directory of the project the key is of; null for a key of the user. */
  readonly project: string | null;
  /** Tells this run from every other. */
  readonly id: string;
  /** Rises by at least one with every run of the key. */
  readonly run: number;
  /** Wall-clock times, ISO 8601. */
  readonly started: string;
  readonly finished: string;
  /** Milliseconds on the monotonic clock. */
  readonly took: number;
  /** Milliseconds from `finished` for which the outcome answers for a run; null stands for ever. */
  readonly ttl: number | null;
  /** The digest of the command that ran; absent for a function of a program. */
  readonly command?: string;
  /** The digest of the inputs at the start of the run; null when it had none. */
  readonly inputs: string | null;
  readonly by: HolderRecord;
  /** How the body is to be read; `failure` is the JSON of what was thrown. */
  readonly kind: ValueKind | 'failure';
}

/** The outcome of one run. */
export interface OnceRecord {
  readonly header: RecordHeader;
  readonly body: Buffer;
}

const MAGIC = 'holdfast once 1\n';
const LINE_END = 10;

/**
 * A record as bytes: a line with the version, a line of JSON that people can read, and the body as it is. The header
 * carries the body's length and SHA-256, so that a torn or damaged record is told from a whole one.
 */
export function formatRecord({ header, body }: OnceRecord): Buffer[] {
  const line = JSON.stringify({ ...header, length: body.length, sha256: digest(body) });
  return [Buffer.from(`${MAGIC}${line}\n`), body];
}

/** The record in these bytes, of `key` where that is known; undefined for anything else, whatever it is. */
export function parseRecord(bytes: Buffer, key?: string): OnceRecord | undefined {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  const end = bytes.indexOf(LINE_END, MAGIC.length);
  if (end < 0) return undefined;
  const header = parseHeader(bytes.toString('utf8', MAGIC.length, end));
  const body = bytes.subarray(end + 1);
  if (header === undefined || header.length !== body.length) return undefined;
  if (key !== undefined && header.key !== key) return undefined;
  return header.sha256 === digest(body) && isReadable(header, body) ? { header, body } : undefined;
}

const parsed = new WeakMap<Buffer, unknown>();

/** Whether a body of JSON is that; its value is kept, so that the first to ask for it need not parse again. */
function isReadable({ kind }: RecordHeader, body: Buffer): boolean {
  if (kind !== 'json') return true;
  try {
    parsed.set(body, decodeValue({ kind, body }));
    return true;
  } catch {
    return false;
  }
}

/** The value of a record that was just read, once; then undefined. */
export function takeParsed({ body }: OnceRecord): unknown {
  const value = parsed.get(body);
  parsed.delete(body);
  return value;
}

type StoredHeader = RecordHeader & { readonly length: number; readonly sha256: string };

function parseHeader(line: string): StoredHeader | undefined {
  let value: Partial<Record<keyof StoredHeader, unknown>>;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, project, id, run, started, finished, took, ttl, command, inputs, by, kind } = value;
  const isHeader =
    typeof key === 'string' &&
    (project === null || typeof project === 'string') &&
    isRunId(id) &&
    isCount(run) &&
    isTime(started) &&
    isTime(finished) &&
    isSpan(took) &&
    (ttl === null || isSpan(ttl)) &&
    (command === undefined || isDigest(command)) &&
    (inputs === null || typeof inputs === 'string') &&
    isHolder(by) &&
    (kind === 'failure' || isValueKind(kind));
  return isHeader ? (value as unknown as StoredHeader) : undefined;
}

/** The id becomes part of a file name. */
function isRunId(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{1,64}$/.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isSpan(value: unknown): boolean {
  return typeof value === 'number' && value >= 0;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
