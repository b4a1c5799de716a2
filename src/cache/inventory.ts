import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { systemCode } from '../errors/base.ts';
import type { CacheDirectoryError } from '../errors/cache-errors.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { isSame, lstatOrNothing } from '../storage/fs/stat.ts';
import { readBeginning } from '../storage/regular-file.ts';
import { Rests } from '../time/rests.ts';
import { Date } from '../time/time.ts';
import { type EntryInfo, infoOf } from './entry.ts';
import { type Layout, OF_PARTIAL, OF_RECORD } from './layout.ts';
import { readRecord } from './look.ts';
import { type EntryRecord, isPresent, LONGEST_RECORD } from './record.ts';
import { unreadable } from './refused.ts';

/** Milliseconds of synchronous calls after which others get their turn: asynchronous ones take ten times as long. */
const rests = new Rests(5);

/** The names of contents, as `OF_RECORD` is one of records. */
const OF_SHARD = /^[0-9a-f]{2}$/;
const OF_CONTENT = /^[0-9a-f]{62}$/;
const OF_BAD = /-[0-9a-f]{8}$/;

/** Something that lies in the cache. */
export interface Found {
  readonly path: string;
  readonly name: string;
  readonly stats: Stats;
}

/** Is told of a directory that cannot be listed, and why; without it, that ends the listing with its error. */
export type OnUnread = (error: CacheDirectoryError, path: string, code: string) => void;

function fail(error: CacheDirectoryError): never {
  throw error;
}

/** None where there is no directory. @throws {CacheDirectoryError} it cannot be read. */
function* foundIn(layout: Layout, directory: string, onUnread?: OnUnread): Generator<Found> {
  for (const name of namesIn(layout, directory, onUnread)) {
    const path = join(directory, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined) yield { path, name, stats };
  }
}

function namesIn(layout: Layout, directory: string, onUnread: OnUnread = fail): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || isExhaustion(code)) throw error; // says nothing about the cache
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code))
      onUnread(unreadable(layout.directory, 'directory', directory, error, code), directory, code);
    return [];
  }
}

/** A record as it lies on the disk. */
export interface Filed {
  readonly path: string;
  /** Undefined for a file that is no record that could be trusted. */
  readonly record: EntryRecord | undefined;
  /** When it was last used, to within ten minutes; milliseconds since the epoch. */
  readonly used: number;
}

function* filed(layout: Layout): Generator<Filed> {
  for (const name of namesIn(layout, layout.entries)) {
    if (!name.endsWith('.json')) continue;
    const path = `${layout.entries}${sep}${name}`;
    const found = readRecord(layout, path);
    // A later version may name its records in another way.
    if (found === undefined && !OF_RECORD.test(name) && foreignness(path) === undefined) continue;
    yield { path, record: found?.record, used: found?.stats.mtimeMs ?? 0 };
  }
}

/** Every file in `entries`. */
export async function* filedRecords(layout: Layout): AsyncGenerator<Filed> {
  for (const file of filed(layout)) {
    yield file;
    if (rests.isDue) await rests.take();
  }
}

/** The same as callers get it; through one asynchronous generator, for each takes as long as two system calls. */
export async function* entriesIn(layout: Layout): AsyncGenerator<EntryInfo & { readonly lastUsed: Date }> {
  for (const { record, used } of filed(layout)) {
    if (isPresent(record)) yield Object.assign(infoOf(layout, record), { lastUsed: new Date(used) });
    if (rests.isDue) await rests.take();
  }
}

/** Every file that stands for a content, by the digest that it is named after. */
export async function* storedContents(
  layout: Layout,
  onUnread?: OnUnread,
): AsyncGenerator<Found & { readonly content: string }> {
  for (const shard of namesIn(layout, layout.contents, onUnread)) {
    if (!OF_SHARD.test(shard)) continue;
    for (const found of foundIn(layout, join(layout.contents, shard), onUnread)) {
      if (OF_CONTENT.test(found.name)) yield { ...found, content: shard + found.name };
      if (rests.isDue) await rests.take();
    }
  }
}

/** Something in `partial`: a directory of a fetch that did not end, or the mark of one that failed. */
export interface Unfinished {
  readonly path: string;
  /** The name of its key's files. */
  readonly name: string;
  /** When something was last written there. */
  readonly written: number;
  readonly bytes: number;
  /** Whether nothing is in it. */
  readonly isEmpty: boolean;
}

export async function* unfinished(layout: Layout, onUnread?: OnUnread): AsyncGenerator<Unfinished> {
  for (const { path, name, stats } of foundIn(layout, layout.partials, onUnread)) {
    if (!OF_PARTIAL.test(name)) continue;
    const files = filesIn(layout, path);
    const all = [stats, ...(files ?? [])];
    yield {
      path,
      name: name.replace(/\.(failed|[0-9a-f]{16})$/, ''),
      written: Math.max(...all.map(({ mtimeMs }) => mtimeMs)),
      bytes: all.reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0),
      isEmpty: stats.isDirectory() && files?.length === 0,
    };
    if (rests.isDue) await rests.take();
  }
}

/** Undefined where this user may not look: what cannot be removed is told when it is tried. */
function filesIn(layout: Layout, directory: string): Stats[] | undefined {
  try {
    return [...foundIn(layout, directory)].map(({ stats }) => stats);
  } catch (error) {
    if (isExhaustion(systemCode(error) ?? '')) throw error;
    return undefined;
  }
}

/** What was put aside because it had been changed. */
export function putAsideIn(layout: Layout, onUnread?: OnUnread): Found[] {
  return [...foundIn(layout, layout.bad, onUnread)].filter(({ name }) => OF_BAD.test(name));
}

/** What processes have left that died while they made the directory. */
export function leftInMaking(layout: Layout, onUnread?: OnUnread): Found[] {
  const found = [...foundIn(layout, layout.directory, onUnread)];
  return found.filter(({ name }) => /^\.holdfast-\d+-[0-9a-f]{16}\.(tmp|probe)$/.test(name));
}

/**
 * Why a file that is no record to this version may be one all the same, so that what it names must stay: the system's code
 * where it cannot be looked into, or the format of a later version. Undefined for one that is damaged, or gone.
 */
export function foreignness(path: string): string | undefined {
  try {
    const { format } = JSON.parse(readBeginning(path, LONGEST_RECORD)) as { format?: unknown };
    return format === undefined || format === 1 ? undefined : `format ${JSON.stringify(format)}`;
  } catch (error) {
    return systemCode(error);
  }
}

/** Whether a file in `entries` is no record: looked at again where it came, went or was replaced in between. */
export function isNoRecord(layout: Layout, path: string): boolean {
  for (let found = lstatOrNothing(path); found !== undefined; ) {
    if (readRecord(layout, path) !== undefined) return false;
    const now = lstatOrNothing(path);
    if (isSame(found, now)) return true;
    found = now;
  }
  return false;
}

/** Whether a file in `entries` is a record of nobody's: torn, or not one that could be trusted. */
export function isDamaged(layout: Layout, path: string): boolean {
  return isNoRecord(layout, path) && foreignness(path) === undefined;
}

/** The lock of the key that a record is of, by the name that all files of the key have: the record itself may not tell the key. */
export function lockOfRecord(layout: Layout, path: string): { readonly file: string } {
  return { file: join(layout.locks, basename(path, '.json')) };
}

/** The digest of a content, from its path. */
export function digestOf(path: string): string {
  return basename(dirname(path)) + basename(path);
}
