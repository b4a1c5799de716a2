import { hostname } from 'node:os';
import { sep } from 'node:path';
import type { HolderRecord } from '../identity/holder.ts';
import { Date } from '../time/time.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of milliseconds as a person would say it: `12ms`, `5.0s`, `1m 26s`, `3h 4m`, `2d 5h`. */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < MINUTE) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m ${Math.floor((ms % MINUTE) / SECOND)}s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h ${Math.floor((ms % HOUR) / MINUTE)}m`;
  return `${Math.floor(ms / DAY)}d ${Math.floor((ms % DAY) / HOUR)}h`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A number of bytes as a person would say it: `999 B`, `12.3 kB`, `1.5 GB`. Never rounded up to the next unit. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${count} B` : `${(Math.floor(value * 10) / 10).toFixed(1)} ${UNITS[unit]}`;
}

/** How much longer something counts: `for another 5.0s`, or `for ever`. */
export function forAnother(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? 'for ever' : `for another ${duration(ms)}`;
}

/** The local time of day, with the date when it was not today: `14:02:11`, `2026-11-19 14:02:11`; `?` for no time. */
export function clock(since: Date, now = new Date()): string {
  if (Number.isNaN(since.getTime())) return '?';
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(since.getHours())}:${two(since.getMinutes())}:${two(since.getSeconds())}`;
  if (since.toDateString() === now.toDateString()) return time;
  return `${since.getFullYear()}-${two(since.getMonth() + 1)}-${two(since.getDate())} ${time}`;
}

/** Control characters are shown, never sent to a terminal: a hostile record must not move the cursor. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to defuse
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Characters. Longer than any path, and so than any name that a person gave. */
const LONGEST_NAME = 4096;
const ENDS_OF_NAME = 100;

/** A name, made safe to show in a message: whole, or the two ends of one that a program has made too long for that. */
export function shown(name: string): string {
  if (name.length <= LONGEST_NAME) return printable(name);
  const [start, end] = [name.slice(0, ENDS_OF_NAME), name.slice(-ENDS_OF_NAME)].map(printable);
  return `${start}…${end} (${name.length} characters)`;
}

/** One holder in words: `"aba mirror save" (pid 4711, user deploy, since 14:02:11, 1m 26s)`. */
export function holder(record: HolderRecord, now = new Date()): string {
  const title = record.purpose ?? record.command;
  const facts: string[] = [];
  if (record.pid !== undefined) facts.push(`pid ${record.pid}`);
  if (record.child !== undefined) facts.push(`command pid ${record.child.pid}`);
  if (record.thread !== undefined && record.thread !== 0) facts.push(`thread ${record.thread}`);
  if (record.user !== undefined) facts.push(`user ${printable(record.user)}`);
  if (record.host !== undefined && record.host !== hostname()) facts.push(`host ${printable(record.host)}`);
  const since = record.since === undefined ? Number.NaN : Date.parse(record.since);
  if (!Number.isNaN(since)) {
    facts.push(`since ${clock(new Date(since), now)}`, duration(now.getTime() - since));
  }
  if (isStuck(record)) facts.push(stuck(record));
  if (record.nested === true) facts.push('nested');
  if (record.inherited === true) facts.push('inherited the lock');
  if (record.foreign === true) facts.push('not a Holdfast program');
  const name = title === undefined ? 'a process' : `"${printable(title)}"`;
  const whole = facts.length === 0 ? name : `${name} (${facts.join(', ')})`;
  return record.copy === true ? `a copy of the claim of ${whole}` : whole;
}

/** How a lock is in the way: a copy of a claim holds nothing. */
export function heldOrKept(records: readonly HolderRecord[]): 'held' | 'kept' {
  return records.length > 0 && records.every(({ copy }) => copy === true) ? 'kept' : 'held';
}

/** Whether a holder cannot go on with its work at the moment, as far as could be seen. */
export function isStuck({ stopped, silent }: HolderRecord): boolean {
  return stopped === true || silent !== undefined;
}

function stuck({ stopped, silent }: HolderRecord): string {
  return stopped === true ? 'stuck: it is stopped' : `stuck: no sign of life for ${duration(silent ?? 0)}`;
}

/** All holders in words; says so when nobody left a record. */
export function holders(records: readonly HolderRecord[], now = new Date()): string {
  const [first, ...rest] = records;
  if (first === undefined) return 'a process that left no record';
  const text = holder(first, now);
  if (rest.length === 0) return text;
  return `${text} and ${rest.length} other${rest.length === 1 ? '' : 's'}`;
}

const CONTROL = /\p{Cc}/u;

/** A word a shell takes literally: quoted only where needed, and as cmd.exe and PowerShell want it on Windows. */
export function shellWord(word: string): string {
  if (sep === '\\') return /^[\w@+=:,./\\~-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`;
  if (CONTROL.test(word)) return withoutControls(word);
  return /^[\w@%+=:,./~-]+$/.test(word) && !word.startsWith('~')
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Control characters are for no terminal: written as bash, zsh and ksh read them: `$'…'`. */
function withoutControls(word: string): string {
  const escaped = word.replace(/[\\'\p{Cc}]/gu, (char) =>
    char === '\\' || char === "'" ? `\\${char}` : bytesOf(char),
  );
  return `$'${escaped}'`;
}

function bytesOf(char: string): string {
  return [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
