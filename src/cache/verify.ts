import { availableParallelism } from 'node:os';
import { hashFile } from '../content/hash.ts';
import { systemCode } from '../errors/base.ts';
import { callback, count, flag, type Kinds, signal } from '../lock/known-options.ts';
import { anyOf } from '../lock/on-abort.ts';
import { isHidden, lstatOrNothing } from '../storage/fs/stat.ts';
import { type Filed, filedRecords, isNoRecord } from './inventory.ts';
import type { Layout } from './layout.ts';
import { readRecord } from './look.ts';
import { isPresent, type PresentRecord } from './record.ts';

export interface VerifyOptions {
  /** How many contents are read at the same time. Default: as many as there are processors. */
  readonly parallel?: number | undefined;
  readonly onProgress?:
    | ((progress: { readonly checked: number; readonly bytes: number }) => void)
    | undefined;
  /** Puts aside what is wrong, so that the next fetch makes it anew. Default false: nothing is changed. */
  readonly repair?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const VERIFY_OPTIONS: Kinds<VerifyOptions> = {
  parallel: count,
  onProgress: callback,
  repair: flag,
  signal,
};

export interface Verified {
  readonly checked: number;
  readonly bad: readonly {
    /** Undefined for a record that cannot be read. */
    readonly key: string | undefined;
    readonly path: string;
    readonly reason: 'missing' | 'changed' | 'unreadable' | 'no record';
  }[];
  readonly repaired: number;
}

/** More would only take memory and descriptors. */
const MOST_PARALLEL = 256;

type Reason = Verified['bad'][number]['reason'];

/**
 * Hashes every content that a record names, and compares. Takes no lock: an entry that is replaced or removed meanwhile
 * is not bad. `heal` repairs an entry under its lock, where it looks again, and `discard` puts a record aside that tells no
 * key; whether there was something to repair.
 */
export async function verify(
  layout: Layout,
  options: VerifyOptions,
  heal: (key: string, signal: AbortSignal) => Promise<boolean>,
  discard: (record: string, signal: AbortSignal) => Promise<boolean>,
): Promise<Verified> {
  const { parallel = availableParallelism(), onProgress, repair = false, signal } = options;
  const failure = new AbortController();
  const ended = anyOf([failure.signal, ...(signal === undefined ? [] : [signal])]);
  const bad: { key: string | undefined; path: string; reason: Reason }[] = [];
  const hashed = new Map<string, Promise<Reason | undefined>>();
  const records = filedRecords(layout);
  let checked = 0;
  let bytes = 0;
  let repaired = 0;

  const check = async ({ path, record }: Filed) => {
    if (record === undefined) {
      if (!isNoRecord(layout, path)) return;
      bad.push({ key: undefined, path, reason: 'no record' });
      if (repair && (await discard(path, ended))) repaired++;
      return;
    }
    if (!isPresent(record)) return;
    const content = layout.contentOf(record.content);
    const same = `${record.content} ${record.size}`;
    const known = hashed.get(same) ?? problemOf(content, record, ended);
    hashed.set(same, known);
    const reason = await known;
    ended.throwIfAborted();
    checked++;
    bytes += record.size;
    onProgress?.({ checked, bytes });
    const now = readRecord(layout, path, record.key)?.record;
    if (reason === undefined || now?.content !== record.content) return;
    if (reason === 'missing' && lstatOrNothing(content) !== undefined) return;
    bad.push({ key: record.key, path: content, reason });
    if (repair && (await heal(record.key, ended))) repaired++;
  };
  const lane = async () => {
    try {
      for await (const file of records) {
        ended.throwIfAborted();
        await check(file);
      }
    } catch (error) {
      failure.abort(error); // the others end as well
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, MOST_PARALLEL) }, lane));
  ended.throwIfAborted();
  return { checked, bad, repaired };
}

async function problemOf(
  path: string,
  { content, size }: PresentRecord,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  const stats = lstatOrNothing(path);
  if (stats === undefined) return isHidden(path) ? 'unreadable' : 'missing';
  if (!stats.isFile() || stats.size !== size) return 'changed';
  try {
    return (await hashFile(path, [], signal)).digests.sha256 === content ? undefined : 'changed';
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return systemCode(error) === 'ENOENT' ? 'missing' : 'unreadable';
  }
}
