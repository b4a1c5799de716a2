import type { HolderRecord } from '../../identity/holder.ts';
import { Date } from '../../time/time.ts';

/**
 * The block at the start of a lock file: 1,024 bytes of text that `cat` shows well, written by one call.
 *
 *     holdfast-lock 1            signature and version
 *     state held                 or `free`: the last exclusive holder released
 *     token 1763654531123001     the fencing token of the last exclusive grant
 *     bound 1763654532123001     tokens up to here are known to the disk
 *     boot 6a3f…                 the boot during which token was counted
 *     since 2026-11-20T14:02:11.123Z
 *     name "mirror"  pid 4711 …  one fact a line: strings as ASCII JSON, the rest digits
 *     end 1763654531123001       token again: a block whose ends differ is torn
 *
 * The fields before `name` stand at fixed offsets, so that taking a lock patches digits instead of formatting text.
 */
export const BLOCK_BYTES = 1024;

const SIGNATURE = 'holdfast-lock 1\n';
/** Where `held` or `free` stands. */
export const STATE_AT = 22;
const TOKEN_AT = 33;
const BOUND_AT = 56;
const BOOT_AT = 78;
const BOOT_LENGTH = 36;
const SINCE_AT = 121;
const SINCE_LENGTH = 24;
const FACTS_AT = 146;
const END_AT = 1003;
const END_TOKEN_AT = END_AT + 4;
const DIGITS = 16;

const HELD = 'h'.charCodeAt(0);
const ZERO = 48;
const NO_SINCE = '-'.padEnd(SINCE_LENGTH);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/; // Date.parse lets anything pass in parentheses

/** What the block must tell the next exclusive holder. */
export interface BlockState {
  /** `empty`: never used. `intact`. `torn`: ours, but not readable as a whole. `foreign`: somebody else's content. */
  readonly kind: 'empty' | 'intact' | 'torn' | 'foreign';
  readonly held: boolean;
  readonly token: number;
  readonly bound: number;
  /** The token was counted during the boot that was asked about. */
  readonly sameBoot: boolean;
}

const EMPTY: BlockState = { kind: 'empty', held: false, token: 0, bound: 0, sameBoot: true };
const TORN: BlockState = { kind: 'torn', held: false, token: 0, bound: 0, sameBoot: false };
const FOREIGN: BlockState = { kind: 'foreign', held: false, token: 0, bound: 0, sameBoot: false };

/** Reads the fixed fields. Never throws, whatever the bytes; `length` is how many of them came from the file. */
export function readState(block: Buffer, length: number, boot: string): BlockState {
  if (length <= 0) return EMPTY;
  if (!hasSignature(block, length)) return FOREIGN;
  if (length < BLOCK_BYTES) return TORN;
  const token = readDigits(block, TOKEN_AT);
  const bound = readDigits(block, BOUND_AT);
  if (token < 0 || bound < 0 || readDigits(block, END_TOKEN_AT) !== token) return TORN;
  return { kind: 'intact', held: block[STATE_AT] === HELD, token, bound, sameBoot: hasBoot(block, boot) };
}

/** Whether the bytes are the signature, or as much of it as a torn write left: a prefix, or nothing but NULs. */
export function hasSignature(block: Buffer, length: number): boolean {
  const known = Math.min(length, SIGNATURE.length);
  let zeros = 0;
  let matches = 0;
  for (let i = 0; i < known; i++) {
    if (block[i] === SIGNATURE.charCodeAt(i)) matches++;
    else if (block[i] === 0) zeros++;
  }
  if (matches === known) return true;
  return zeros === known && block.subarray(0, length).every((byte) => byte === 0);
}

function hasBoot(block: Buffer, boot: string): boolean {
  for (let i = 0; i < BOOT_LENGTH; i++) {
    const expected = i < boot.length ? boot.charCodeAt(i) : 32;
    if (block[BOOT_AT + i] !== expected) return false;
  }
  return true;
}

/** 16 digits as a number; -1 when one is no digit, or the number is beyond what a double counts exactly. */
function readDigits(block: Buffer, at: number): number {
  let value = 0;
  for (let i = 0; i < DIGITS; i++) {
    const digit = (block[at + i] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value < Number.MAX_SAFE_INTEGER ? value : -1;
}

/** The four digits of every number below 10,000 as one word in the block's byte order. */
const FOUR_DIGITS = Uint32Array.from({ length: 10_000 }, (_, n) => {
  const digits =
    Math.floor(n / 1000) | (Math.floor((n % 1000) / 100) << 8) | (Math.floor((n % 100) / 10) << 16);
  return ZERO * 0x01_01_01_01 + digits + ((n % 10) << 24); // without text, which would take milliseconds at every start
});

function writeDigits(block: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 1e8); // two halves, because integer division is fast only below 2^31
  const low = value - high * 1e8;
  const first = (high / 1e4) | 0;
  const third = (low / 1e4) | 0;
  block.writeUInt32LE(FOUR_DIGITS[first] as number, at);
  block.writeUInt32LE(FOUR_DIGITS[high - first * 1e4] as number, at + 4);
  block.writeUInt32LE(FOUR_DIGITS[third] as number, at + 8);
  block.writeUInt32LE(FOUR_DIGITS[low - third * 1e4] as number, at + 12);
}

/** A block of this lock with everything but its counters. */
export function formatBlock(
  into: Buffer,
  name: string,
  boot: string,
  holder: HolderRecord | undefined,
): void {
  into.fill(32);
  into.write(SIGNATURE, 0, 'latin1');
  into.write(holder === undefined ? 'state free\n' : 'state held\n', 16, 'latin1');
  into.write(`token ${'0'.repeat(DIGITS)}\n`, 27, 'latin1');
  into.write(`bound ${'0'.repeat(DIGITS)}\n`, 50, 'latin1');
  into.write(`boot ${boot.slice(0, BOOT_LENGTH).padEnd(BOOT_LENGTH)}\n`, 73, 'latin1');
  into.write(`since ${NO_SINCE}\n`, 115, 'latin1');
  into.write(facts(name, holder), FACTS_AT, END_AT - 1 - FACTS_AT, 'latin1');
  into.write(`\nend ${'0'.repeat(DIGITS)}\n`, END_AT - 1, 'latin1');
}

export function writeCounters(block: Buffer, token: number, bound: number): void {
  writeDigits(block, TOKEN_AT, token);
  writeDigits(block, BOUND_AT, bound);
  writeDigits(block, END_TOKEN_AT, token);
}

/**
 * Writes the time of a grant. `written` is the second that the block tells already, as the last call for it returned it:
 * then only the milliseconds change.
 */
export function writeSince(block: Buffer, now: number, written = -1): number {
  const second = Math.floor(now / 1000);
  if (second !== written) {
    block.write(new Date(second * 1000).toISOString(), SINCE_AT, SINCE_LENGTH, 'latin1');
  }
  const ms = now - second * 1000;
  block[SINCE_AT + 20] = ZERO + ((ms / 100) | 0);
  block[SINCE_AT + 21] = ZERO + (((ms / 10) | 0) % 10);
  block[SINCE_AT + 22] = ZERO + (ms % 10);
  return second;
}

const LIMITS = { name: 256, command: 170, purpose: 130, host: 73, user: 40 }; // a host name has up to 64

function facts(name: string, holder: HolderRecord | undefined): string {
  const lines = [`name ${quoted(name, LIMITS.name)}`];
  if (holder !== undefined) {
    if (holder.pid !== undefined) lines.push(`pid ${holder.pid}`);
    if (holder.start !== undefined) lines.push(`start ${holder.start}`);
    if (holder.pidNamespace !== undefined) lines.push(`pidns ${holder.pidNamespace}`);
    if (holder.timeNamespace !== undefined) lines.push(`timens ${holder.timeNamespace}`);
    if (holder.machine !== undefined) lines.push(`machine ${holder.machine}`);
    if (holder.thread !== undefined) lines.push(`thread ${holder.thread}`);
    if (holder.child !== undefined)
      lines.push(`child ${holder.child.pid} ${holder.child.start ?? ''}`.trimEnd());
    if (holder.user !== undefined) lines.push(`user ${quoted(holder.user, LIMITS.user)}`);
    if (holder.host !== undefined) lines.push(`host ${quoted(holder.host, LIMITS.host)}`);
    if (holder.command !== undefined) lines.push(`command ${quoted(holder.command, LIMITS.command)}`);
    if (holder.purpose !== undefined) lines.push(`purpose ${quoted(holder.purpose, LIMITS.purpose)}`);
  }
  return lines.join('\n');
}

/** What JSON writes without an escape: nearly every text, for which the long way costs as much as the making of a file. */
const AS_IT_IS = /^[ !#-[\]-~]*$/;

/** A string as ASCII JSON of at most `limit` bytes; what does not fit is cut off and marked by an ellipsis. */
function quoted(text: string, limit: number): string {
  if (text.length + 1 <= limit - 8 && AS_IT_IS.test(text)) return `"${text}"`;
  let result = '"';
  for (const unit of text.slice(0, limit)) {
    const json = JSON.stringify(unit).slice(1, -1);
    const ascii = json.replace(
      /[^\u0020-\u007e]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    if (result.length + ascii.length > limit - 8) return `${result}\\u2026"`;
    result += ascii;
  }
  return text.length > limit ? `${result}\\u2026"` : `${result}"`;
}

/** What a block says about its lock's name and holder. Never throws; a field that makes no sense is absent. */
export function readRecord(block: Buffer, length: number): { name?: string; holder?: HolderRecord } {
  const state = readState(block, length, '');
  if (state.kind !== 'intact') return {};
  const fields = new Map<string, string>();
  for (const line of block.toString('latin1', FACTS_AT, END_AT - 1).split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) fields.set(line.slice(0, space), line.slice(space + 1).trimEnd());
  }
  const boot = block.toString('latin1', BOOT_AT, BOOT_AT + BOOT_LENGTH).trim();
  const since = block.toString('latin1', SINCE_AT, SINCE_AT + SINCE_LENGTH);
  const name = text(fields, 'name');
  const holder = {
    ...optional('boot', /^[\w-]+$/.test(boot) ? boot : undefined),
    ...optional('since', TIME.test(since) ? since : undefined),
    ...optional('pid', integer(fields.get('pid'))),
    ...optional('start', digits(fields.get('start'))),
    ...optional('pidNamespace', digits(fields.get('pidns'))),
    ...optional('timeNamespace', digits(fields.get('timens'))),
    ...optional('machine', digest(fields.get('machine'))),
    ...optional('thread', integer(fields.get('thread'))),
    ...optional('child', childOf(fields.get('child'))),
    ...optional('user', text(fields, 'user')),
    ...optional('host', text(fields, 'host')),
    ...optional('command', text(fields, 'command')),
    ...optional('purpose', text(fields, 'purpose')),
  };
  return { ...optional('name', name), ...(state.held ? { holder } : {}) };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

function digits(value: string | undefined): string | undefined {
  return value !== undefined && /^\d{1,20}$/.test(value) ? value : undefined;
}

function digest(value: string | undefined): string | undefined {
  return value !== undefined && /^[0-9a-f]{16}$/.test(value) ? value : undefined;
}

function integer(value: string | undefined): number | undefined {
  const number = Number(digits(value) ?? Number.NaN);
  return Number.isSafeInteger(number) && number < 2 ** 31 ? number : undefined;
}

function childOf(value: string | undefined): HolderRecord['child'] {
  const [pid, start] = (value ?? '').split(' ');
  const number = integer(pid);
  return number === undefined ? undefined : { pid: number, ...optional('start', digits(start)) };
}

function text(fields: Map<string, string>, key: string): string | undefined {
  try {
    const value: unknown = JSON.parse(fields.get(key) ?? 'null');
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
