import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import type { MergeOptions } from '../merge/merge.ts';
import { unlinkQuietly } from '../storage/fs/quietly.ts';
import { readOwnFile } from '../storage/own-file.ts';
import { privateFiles } from '../storage/private-files.ts';
import { Date } from '../time/time.ts';
import { stamp, timeOf } from './file/names.ts';

/** What is known of a conflict file beside the text in it, which is ours. */
export interface ConflictMeta {
  /** The text that both sides began with; undefined where there was no file. */
  readonly base: string | undefined;
  /** SHA-256 of the text that ours could not be merged with, in hex; undefined where the file was gone. */
  readonly theirs: string | undefined;
  readonly who: string;
  /** ISO time. */
  readonly when: string;
  readonly reason: string;
  /** The two merge, and the result does not fit the schema of the program. */
  readonly isInvalid?: boolean | undefined;
  /** How the program merges, as far as it can be written down. */
  readonly merge?: MergeOptions | undefined;
}

const MOST = 10;
/** What the name of a conflict file ends with, whatever document it belongs to. */
const CONFLICT = /\.\d{8}T\d{6}\.\d{3}Z-.+\.conflict$/;
/** Milliseconds for which one is kept: 30 days. */
const LONGEST = 30 * 24 * 3_600_000;

/** The conflict files of a document, oldest first: `roles.json.<UTC time>-<user>-….conflict`. */
export function conflictFiles(directory: string, name: string): string[] {
  const isOne = (file: string) => file.startsWith(`${name}.`) && !Number.isNaN(madeAt(name, file));
  return readdirSync(directory).filter(isOne).sort();
}

function madeAt(name: string, file: string): number {
  return timeOf(/^([^-]*)-.+\.conflict$/.exec(file.slice(name.length + 1))?.[1] ?? '');
}

/** Where the facts about a conflict file are: `.roles.json.<UTC time>-<user>-….conflict.meta`. */
export function metaNameOf(conflictFile: string): string {
  return `.${conflictFile}.meta`;
}

/**
 * Keeps a text of ours that could not be merged, beside the document; returns the name of its file. For the holder of the
 * document's lock. The same edit, a text with what it began with and how it merges, is kept once, however often theirs changes
 * meanwhile. Undefined where the document is a conflict file itself, of which there are no others.
 *
 *  1. The facts. Dying here leaves a file that belongs to no conflict, and goes with the next `limitConflicts`.
 *  2. The text, under a name of its own. From here on the conflict is kept.
 *
 * @throws the system's error.
 */
export function keepConflict(
  directory: string,
  name: string,
  text: string,
  facts: Omit<ConflictMeta, 'who' | 'when'>,
): string | undefined {
  if (CONFLICT.test(name)) return undefined;
  const present = conflictFiles(directory, name);
  const edit = editOf(facts);
  const isSame = (file: string) =>
    textIn(directory, file) === text && editOf(conflictMeta(directory, file)) === edit;
  const same = present.find(isSame);
  if (same !== undefined) return same;
  const now = new Date();
  const who = userName();
  const file = `${name}.${stamp(now.getTime())}-${who}-${randomBytes(2).toString('hex')}.conflict`;
  const meta: ConflictMeta = { ...facts, who, when: now.toISOString() };
  privateFiles(directory, { link: 'followed' }, (files) => {
    files.writeSynced(metaNameOf(file), JSON.stringify(meta));
    files.writeSynced(file, text);
  });
  return file;
}

/** What makes two edits of one text two: resolving goes back to each. */
function editOf({ base, isInvalid, merge }: Partial<ConflictMeta> = {}): string {
  return JSON.stringify([base, isInvalid, merge]);
}

/**
 * Removes conflict files that are older than 30 days, and the oldest of more than ten, each handed to `onDropped` first; and facts
 * that belong to none. One of a time to come counts as the oldest. Those of other users stay, and push none out. For the
 * holder of the document's lock.
 */
export function limitConflicts(directory: string, name: string, onDropped: (text: string) => void): void {
  const present = conflictFiles(directory, name);
  const now = Date.now();
  const own = present
    .map((file) => ({ file, age: now - madeAt(name, file) }))
    .filter(({ age }) => present.length > MOST || age > LONGEST)
    .map((each) => ({ ...each, text: textIn(directory, each.file) }))
    .filter(({ text }) => text !== undefined)
    .sort((a, b) => Number(b.age < 0) - Number(a.age < 0));
  for (const [index, { file, text = '', age }] of own.entries()) {
    if (index >= own.length - MOST && age <= LONGEST) continue;
    onDropped(text);
    dropConflict(directory, file);
  }
  const metas = new Set(present.map(metaNameOf));
  const isStray = (file: string) =>
    file.startsWith(`.${name}.`) &&
    file.endsWith('.meta') &&
    !Number.isNaN(madeAt(name, file.slice(1, -'.meta'.length))) &&
    !metas.has(file);
  for (const file of readdirSync(directory).filter(isStray)) unlinkQuietly(join(directory, file));
}

/** Removes a conflict file with what is known of it. */
export function dropConflict(directory: string, file: string): void {
  unlinkQuietly(join(directory, file));
  unlinkQuietly(join(directory, metaNameOf(file)));
}

/** What is known of a conflict file; undefined where that is lost: then nobody knows what both sides began with. */
export function conflictMeta(directory: string, file: string): ConflictMeta | undefined {
  try {
    const found: unknown = JSON.parse(textIn(directory, metaNameOf(file)) ?? '');
    const { base, theirs, who, when, reason, merge } = (found ?? {}) as Record<keyof ConflictMeta, unknown>;
    const isText = (value: unknown) => value === undefined || typeof value === 'string';
    if (![base, theirs].every(isText) || ![who, when, reason].every((fact) => typeof fact === 'string')) {
      return undefined;
    }
    if (merge !== undefined && (typeof merge !== 'object' || merge === null)) return undefined;
    return found as ConflictMeta;
  } catch {
    return undefined;
  }
}

/** Undefined for what is gone, and for what another user has put there, whether one may read it or not. */
export function textIn(directory: string, file: string): string | undefined {
  try {
    return readOwnFile(join(directory, file))?.toString();
  } catch (error) {
    if (systemCode(error) === 'EACCES') return undefined;
    throw error;
  }
}

/** As it can stand in a file name. */
function userName(): string {
  try {
    const { username } = userInfo();
    return username.replace(/[^\w-]/g, '').slice(0, 20) || 'user';
  } catch (error) {
    return systemCode(error) === undefined ? 'user' : String(process.getuid?.() ?? 'user');
  }
}
