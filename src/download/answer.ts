import { type Conditions, isEntityTag, type Validators } from '../content/validators.ts';
import { shown } from '../errors/input-error.ts';
import { given } from '../lock/known-options.ts';
import { Fault, statusFault } from './fault.ts';
import { type Clock, retryAfter } from './pause.ts';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What was asked for. */
export interface Asked {
  /** Bytes that are there; above 0, the request had a `Range` from here on. */
  readonly offset: number;
  /** What is known of the whole that these bytes are of. */
  readonly known: {
    readonly validators: Validators;
    readonly total?: number | undefined;
    readonly encoding?: string | undefined;
  };
  /** What the body is only wanted if it fails. */
  readonly conditions: Conditions;
}

/** What an answer means for the bytes that are there. */
export type Verdict =
  /** The body goes behind them, and is so many bytes long. */
  | { readonly to: 'append'; readonly total: number; readonly length: number }
  /** The body is the whole, of so many bytes where that is known. */
  | { readonly to: 'replace'; readonly length: number | undefined; readonly isDelimited: boolean }
  | { readonly to: 'take what is there' }
  | { readonly to: 'keep the entry' }
  /** They are of another content, or cannot be gone on with: asks again, for the whole. */
  | { readonly to: 'ask for the whole'; readonly areRangesBroken: boolean; readonly why: string };

/** Of a record, there is only so much that is read. */
const LONGEST_DISPOSITION = 1024;

const TRANSFER = 'transfer-encoding';

const OTHER = (why: string): Verdict => ({ to: 'ask for the whole', areRangesBroken: false, why });
const BROKEN = (why: string): Verdict => ({ to: 'ask for the whole', areRangesBroken: true, why });

/** A header that is there once, or always with the same value. */
export function header(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  if (typeof value !== 'object') return value;
  return new Set(value).size === 1 ? value[0] : undefined;
}

/** The `Content-Encoding`, in one spelling; undefined for none. */
export function encodingOf(headers: Headers): string | undefined {
  const text = list(headers, 'content-encoding').toLowerCase();
  return text === '' || text === 'identity' ? undefined : text;
}

/** A header that may be there several times, of which the same one counts once, as a proxy may repeat it. */
function list(headers: Headers, name: string): string {
  return [...new Set([headers[name] ?? []].flat())].join(', ');
}

export function validatorsOf(headers: Headers): Validators {
  const disposition = header(headers, 'content-disposition');
  const etag = header(headers, 'etag');
  return given({
    etag: etag !== undefined && isEntityTag(etag) ? etag : undefined,
    lastModified: header(headers, 'last-modified'),
    date: header(headers, 'date'),
    disposition: (disposition?.length ?? 0) > LONGEST_DISPOSITION ? undefined : disposition,
  });
}

/**
 * Reads an answer. Whatever does not fit what was asked leads to a request for the whole: only an answer that proves to
 * go on where the bytes end, in the same content, is appended.
 *
 * @throws {Fault} for an answer that is of no use.
 */
export function judge(asked: Asked, status: number, headers: Headers, clock: Clock): Verdict {
  const isRanged = asked.offset > 0;
  if (status === 200 || status === 206) checkTransfer(headers);
  if (status === 200) return judgeWhole(headers);
  if (status === 206 && isRanged) return judgePart(asked, headers);
  if (status === 206) return BROKEN('it answered with a part when asked for the whole');
  if (status === 304) return judgeUnchanged(asked, headers);
  if (status === 412 && (isRanged || isConditional(asked))) return OTHER('it answered 412');
  if (status === 416 && isRanged) return judgeBeyond(asked, headers);
  throw statusFault(status, 'the server', retryAfter(header(headers, 'retry-after'), clock));
}

function isConditional({ conditions }: Asked): boolean {
  return Object.keys(conditions).length > 0;
}

/** It confirms only the version that was asked about (RFC 9111, 4.3.4). `W/"1"` and `"1"` are one here: that is how it was looked for. */
function judgeUnchanged(asked: Asked, headers: Headers): Verdict {
  if (asked.offset > 0 || !isConditional(asked)) return OTHER('it answered 304 when nothing was asked about');
  const { etag, lastModified } = validatorsOf(headers);
  const { 'if-none-match': match, 'if-modified-since': since } = asked.conditions;
  const isSame =
    match === undefined
      ? lastModified === undefined || lastModified === since
      : etag === undefined || opaque(etag) === opaque(match);
  return isSame ? { to: 'keep the entry' } : OTHER('it answered 304 about another version');
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, '');
}

/** Of a transfer only chunks are undone: behind any other coding, the bytes are not those of the content. */
function checkTransfer(headers: Headers): void {
  const codings = list(headers, TRANSFER)
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((each) => each !== '' && each !== 'identity');
  if (codings.length === 0 || codings.join() === 'chunked') return;
  throw new Fault(`it sent ${told(headers, 'Transfer-Encoding')}, which cannot be undone`);
}

function judgeWhole(headers: Headers): Verdict {
  const length = lengthOf(headers);
  // Only as the last encoding: behind any other, the body ends with the connection.
  const isChunked = /(^|,)\s*chunked\s*$/i.test(list(headers, TRANSFER));
  const isDelimited = length !== undefined || isChunked;
  if (headers['content-range'] === undefined) return { to: 'replace', length, isDelimited };
  const range = parseRange(headers);
  const sent = `it answered 200 with ${told(headers, 'Content-Range')}`;
  if (!isWhole(range)) return BROKEN(sent);
  if (length !== undefined && length !== range.total) return BROKEN(`${sent}, and ${length} bytes`);
  return { to: 'replace', length: range.total, isDelimited: true };
}

/** A header as it came, in the words of an error. */
function told(headers: Headers, name: string): string {
  return `${name}: ${shown(list(headers, name.toLowerCase()))}`;
}

function judgePart({ offset, known }: Asked, headers: Headers): Verdict {
  if (/^multipart\//i.test(header(headers, 'content-type') ?? ''))
    return BROKEN('it answered with several parts');
  const range = parseRange(headers);
  if (range === undefined) return BROKEN('its Content-Range cannot be read');
  if (range.start !== offset) return BROKEN(`its part starts at ${range.start} instead of ${offset}`);
  const length = range.end - range.start + 1;
  const announced = lengthOf(headers);
  if (announced !== undefined && announced !== length)
    return BROKEN('its Content-Range is not as long as its body');
  const total = range.total ?? known.total;
  if (total === undefined) return BROKEN('its part does not say how long the whole is'); // nor where that ends
  if (range.end >= total || isOther(known, headers, range.total, true))
    return OTHER('the content has changed');
  if (encodingOf(headers) !== known.encoding) return OTHER('its part has another Content-Encoding');
  return { to: 'append', total, length };
}

/** Beyond the end there is nothing to send: right when the bytes that are there are all of them. */
function judgeBeyond({ offset, known }: Asked, headers: Headers): Verdict {
  const total = /^bytes \*\/(\d+)$/.exec(header(headers, 'content-range') ?? '')?.[1];
  if (total === undefined || Number(total) !== offset) return OTHER('it has no such range');
  if (isOther(known, headers, offset)) return OTHER('the content has changed');
  return { to: 'take what is there' };
}

function isOther(
  { validators, total }: Asked['known'],
  headers: Headers,
  now: number | undefined,
  isPart = false,
): boolean {
  const { etag, lastModified } = validatorsOf(headers);
  if (total !== undefined && now !== undefined && now !== total) return true;
  if (validators.etag !== undefined && etag !== undefined) return etag !== validators.etag;
  if (validators.etag !== undefined && isPart) return true; // a part has the ETag that the whole would have (RFC 9110, 15.3.7)
  return (
    validators.lastModified !== undefined &&
    lastModified !== undefined &&
    lastModified !== validators.lastModified
  );
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly total: number | undefined;
}

function parseRange(headers: Headers): Range | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(header(headers, 'content-range') ?? '');
  if (match === null) return undefined;
  const [start, end, total] = match.slice(1).map(Number);
  if (start === undefined || end === undefined || total === undefined || start > end || end >= total)
    return undefined;
  return { start, end, total: Number.isNaN(total) ? undefined : total };
}

function isWhole(range: Range | undefined): range is Range & { readonly total: number } {
  return range !== undefined && range.start === 0 && range.end + 1 === range.total;
}

function lengthOf(headers: Headers): number | undefined {
  const text = header(headers, 'content-length');
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Fault('its Content-Length cannot be read', { nature: 'passing' });
}
