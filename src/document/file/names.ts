import { createHash, randomInt } from 'node:crypto';
import { Date } from '../../time/time.ts';

const DIGITS = 8;

/** The time in UTC as it stands in file names: `20261127T194201.123Z`, with no character that Windows refuses. */
export function stamp(at = Date.now()): string {
  return new Date(at).toISOString().replace(/[-:]/g, '');
}

/** Milliseconds since the epoch; NaN for what `stamp` does not make. */
export function timeOf(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/.exec(text);
  const [, year, month, day, hour, minute, second] = parts ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return !Number.isNaN(time) && stamp(time) === text ? time : Number.NaN;
}

/**
 * A name for a fresh file that nobody else uses: `.holdfast-<pid>-<16 hex>.tmp`. The first half of the digits stands for
 * the document, so that whoever holds its lock knows which leftovers are its own: other documents in the directory, whose
 * writers may be alive, have other locks.
 */
export function temporaryName(document: string): string {
  const own = randomInt(2 ** (4 * DIGITS))
    .toString(16)
    .padStart(DIGITS, '0');
  return `.holdfast-${process.pid}-${tagOf(document)}${own}.tmp`;
}

/** Whether a writer of this document has made a file of this name. */
export function isTemporaryOf(document: string, name: string): boolean {
  const found = /^\.holdfast-\d+-([0-9a-f]{8})[0-9a-f]{8}(?:-displaced)?\.tmp$/.exec(name);
  return found?.[1] === tagOf(document);
}

let last = { document: '', tag: '' }; // most programs have one

function tagOf(document: string): string {
  if (last.document !== document) {
    const tag = createHash('sha256').update(document).digest('hex').slice(0, DIGITS);
    last = { document, tag };
  }
  return last.tag;
}
