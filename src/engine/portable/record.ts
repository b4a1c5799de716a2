import { randomBytes } from 'node:crypto';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { Date } from '../../time/time.ts';
import type { LockRequest, Mode } from '../engine.ts';
import { CLAIM_SIGNATURE } from '../signature.ts';

/**
 * What a claim says, in text that `cat` shows well:
 *
 *     holdfast-claim 1
 *     token 6f1c…                the identity of this one claim; never used again
 *     mode exclusive
 *     since 2026-11-20T14:02:11.123Z
 *     lease 30000                only under a lease, milliseconds
 *     file 2049 131073           device and inode of the file it was written in: a copy of it has others
 *     pause 250                  only in a ticket: how long its waiter sleeps between two looks at most, milliseconds
 *     name "mirror"
 *     holder {"pid":4711,…}      the proof of life or death
 *     end 6f1c…                  the token again: a record whose ends differ is damaged
 */
export interface ClaimRecord {
  readonly token: string;
  readonly mode: Mode;
  readonly since: string;
  readonly lease: number | undefined;
  readonly pause?: number | undefined;
  readonly name: string;
  readonly holder: HolderRecord;
  /** The holder asked not to be named. Its process is recorded all the same, for without it no death could be proved. */
  readonly anonymous: boolean;
  /** The file it was written in. Undefined in a record that is not written yet, and in those of older versions. */
  readonly file?: FileIdentity | undefined;
}

/** What tells a file from every other one on this machine, as long as its file system is mounted and gives stable inodes. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** No record is longer. */
export const MOST_BYTES = 8192;

const LIMITS = { command: 400, purpose: 400, name: 1000, other: 256 };
const TOKEN = /^[0-9a-f]{32}$/;
const FILE = /^(\d{1,20}) (\d{1,20})$/;

/** 128 random bits: no two claims ever have the same. */
export function newToken(): string {
  return randomBytes(16).toString('hex');
}

export function recordFor(request: LockRequest, mode: Mode, lease: number | undefined): ClaimRecord {
  const { anonymous, purpose, resource } = request;
  const holder = anonymous ? provable(self()) : self();
  return {
    token: newToken(),
    mode,
    since: new Date().toISOString(),
    lease,
    name: resource,
    holder: purpose === undefined || anonymous ? holder : { ...holder, purpose },
    anonymous,
  };
}

/** Without what describes the holder to people. */
export function provable(record: HolderRecord): HolderRecord {
  const { user, command, host, purpose, ...proof } = record;
  return proof;
}

/** The holder as others may be told of it. */
export function shownHolder({ holder, since, anonymous }: ClaimRecord): HolderRecord {
  return anonymous ? { since } : { ...holder, since };
}

export function formatRecord(record: ClaimRecord): string {
  const { token, mode, since, lease, pause, name, holder, anonymous, file } = record;
  const lines = [
    `token ${token}`,
    `mode ${mode}`,
    `since ${since}`,
    ...(lease === undefined ? [] : [`lease ${lease}`]),
    ...(pause === undefined ? [] : [`pause ${pause}`]),
    ...(anonymous ? ['anonymous true'] : []),
    ...(file === undefined ? [] : [`file ${file.dev} ${file.ino}`]),
    `name ${JSON.stringify(name.slice(0, LIMITS.name))}`,
    `holder ${JSON.stringify(cut(holder))}`,
    `end ${token}`,
  ];
  return `${CLAIM_SIGNATURE}${lines.join('\n')}\n`;
}

function cut(holder: HolderRecord): HolderRecord {
  const { command, purpose } = holder;
  return {
    ...holder,
    ...(command === undefined ? {} : { command: command.slice(0, LIMITS.command) }),
    ...(purpose === undefined ? {} : { purpose: purpose.slice(0, LIMITS.purpose) }),
  };
}

/** Undefined when it is not a whole record. Never throws, whatever the text. */
export function parseRecord(text: string): ClaimRecord | undefined {
  if (!text.startsWith(CLAIM_SIGNATURE)) return undefined;
  const fields = new Map<string, string>();
  for (const line of text.slice(CLAIM_SIGNATURE.length).split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) fields.set(line.slice(0, space), line.slice(space + 1));
  }
  const token = fields.get('token') ?? '';
  const mode = fields.get('mode');
  const since = fields.get('since') ?? '';
  const name = json(fields.get('name'));
  const holder = holderFrom(json(fields.get('holder')));
  const whole = TOKEN.test(token) && fields.get('end') === token && !Number.isNaN(Date.parse(since));
  if (!whole || (mode !== 'exclusive' && mode !== 'shared')) return undefined;
  if (typeof name !== 'string' || holder === undefined) return undefined;
  return {
    token,
    mode,
    since: new Date(since).toISOString(),
    lease: span(fields.get('lease')),
    pause: span(fields.get('pause')),
    name,
    holder,
    anonymous: fields.get('anonymous') === 'true',
    file: fileFrom(fields.get('file')),
  };
}

function fileFrom(text = ''): FileIdentity | undefined {
  const [, dev, ino] = FILE.exec(text) ?? [];
  return dev === undefined || ino === undefined ? undefined : { dev: BigInt(dev), ino: BigInt(ino) };
}

/** Milliseconds above 0. */
function span(text: string | undefined): number | undefined {
  const ms = Number(text);
  return ms > 0 && Number.isFinite(ms) ? ms : undefined;
}

const NUMBERS = ['pid', 'thread'] as const;
const PROOF = ['start', 'boot', 'pidNamespace', 'timeNamespace', 'machine'] as const;
const DESCRIPTION = ['host', 'user', 'command', 'purpose'] as const;

/**
 * Whatever a record says of its holder, as far as it has the right types. Texts are cut, for others wrote them; what an
 * observer adds to a record (`stopped`, `silent`, `child` and the like) is not taken from one.
 */
function holderFrom(value: unknown): HolderRecord | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const given = value as Partial<Record<string, unknown>>;
  const holder: Record<string, unknown> = {};
  for (const key of NUMBERS) if (isProcessNumber(given[key])) holder[key] = given[key];
  for (const key of [...PROOF, ...DESCRIPTION]) {
    const text = given[key];
    if (typeof text === 'string') holder[key] = text.slice(0, LIMITS.command);
  }
  return holder;
}

export function isProcessNumber(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

export function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
