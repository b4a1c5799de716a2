import { createHash } from 'node:crypto';
import { type BigIntStats, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { READ_SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE, KERNEL_SIGNATURE } from '../signature.ts';
import { persistently } from './files.ts';
import { type ClaimRecord, type FileIdentity, MOST_BYTES, parseRecord } from './record.ts';
import type { LayoutName } from './settings.ts';

/** A claim that stands at a path. */
export interface FoundClaim {
  readonly kind: 'claim';
  readonly path: string;
  readonly layout: LayoutName;
  /** What tells it from every other claim: its record's token, or, for one that is damaged, a digest of all that is left. */
  readonly token: string;
  /** Undefined when it is damaged. */
  readonly record: ClaimRecord | undefined;
  /** The file that it was read from. */
  readonly file: FileIdentity;
  /** Changes with every sign of life. */
  readonly beat: bigint;
  /** When it last changed by the file system's clock, in milliseconds. */
  readonly changed: number;
  readonly uid: number;
  readonly gid: number;
}

/** What stands at a path. `kernel`: a lock file of the kernel engine, which begins as an empty file. */
export type Found =
  | FoundClaim
  | { readonly kind: 'nothing' }
  | { readonly kind: 'kernel' }
  /** `stands`: something is there, and may well be a claim. Else the way to it is closed, whatever is there. */
  | { readonly kind: 'unreadable'; readonly code: string; readonly stands: boolean }
  | { readonly kind: 'foreign'; readonly what: string };

/** What the system said of a path that cannot be read, as an error to throw. */
export function errorOf({ code }: { readonly code: string }): Error {
  return Object.assign(new Error(code), { code });
}

/** The code of a path that changed at every look: somebody else is always faster. */
export const BUSY = 'EAGAIN';

const NOTHING: Found = { kind: 'nothing' };
const STRANGE: Found = { kind: 'foreign', what: 'is a directory that Holdfast did not make' };
/** How often in a row one and the same directory must be seen without a claim in it. */
const CERTAIN = 3;
/** How often a path may change under one look. */
const CHANGING = 100;

/**
 * Looks without changing, following or waiting for anything. Never throws for what it finds.
 *
 * A claim that is a directory has its file from its birth until it is moved away as a whole. So a directory without one is
 * not Holdfast's, unless it is another one by the time the file is looked for: claims that come and go look like that.
 */
export function look(path: string): Found {
  let seen = '';
  for (let attempt = 0, alike = 0; attempt < CHANGING; attempt++) {
    let stats: BigIntStats | undefined;
    try {
      stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    } catch (error) {
      return { kind: 'unreadable', code: systemCode(error) ?? 'EIO', stands: false };
    }
    if (stats === undefined) return NOTHING;
    try {
      const identity = `${stats.dev} ${stats.ino} ${stats.ctimeNs}`;
      alike = identity === seen ? alike + 1 : 1;
      seen = identity;
      if (stats.isFile()) return persistently(() => readClaim(path, path, 'file'));
      if (!stats.isDirectory()) return { kind: 'foreign', what: kindOf(stats) };
      if (alike > CERTAIN && !readdirSync(path).includes(CLAIM_FILE)) return STRANGE;
      return persistently(() => readClaim(path, join(path, CLAIM_FILE), 'directory'));
    } catch (error) {
      const code = systemCode(error) ?? 'EIO';
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return { kind: 'unreadable', code, stands: true };
      // Gone or replaced between two calls: look again.
    }
  }
  return { kind: 'unreadable', code: BUSY, stands: true };
}

function kindOf(stats: { isSymbolicLink(): boolean; isFIFO(): boolean; isSocket(): boolean }): string {
  if (stats.isSymbolicLink()) return 'is a symbolic link';
  if (stats.isFIFO()) return 'is a FIFO';
  return stats.isSocket() ? 'is a socket' : 'is a device';
}

/** Opening asks a network file system for what is there now; a stat alone may be answered from memory. */
function readClaim(path: string, file: string, layout: LayoutName): Found {
  const fd = openSync(file, READ_SAFELY);
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) return STRANGE;
    const buffer = Buffer.alloc(Math.min(Number(stats.size), MOST_BYTES));
    const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
    if (text.startsWith(CLAIM_SIGNATURE)) return claimOf(path, layout, text, stats);
    if (layout === 'directory') return STRANGE;
    if (text === '' || text.startsWith(KERNEL_SIGNATURE)) return { kind: 'kernel' };
    return { kind: 'foreign', what: "holds content that is not Holdfast's" };
  } finally {
    closeQuietly(fd);
  }
}

function claimOf(path: string, layout: LayoutName, text: string, stats: BigIntStats): FoundClaim {
  const record = parseRecord(text);
  const beat = stats.mtimeNs;
  return {
    kind: 'claim',
    path,
    layout,
    token: record?.token ?? digest(`${stats.dev} ${stats.ino} ${beat} ${text}`),
    record,
    file: { dev: stats.dev, ino: stats.ino },
    beat,
    changed: Number(beat / 1_000_000n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  };
}

/** 128 bits of it, as hexadecimal digits. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
