import { existsSync, lstatSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DeadlockError } from '../errors/lock-errors.ts';
import { publishCacheEvent } from '../events/cache-channel.ts';
import type { Lock } from '../lock/lock.ts';
import type { LockManager } from '../lock/manager.ts';
import { Date } from '../time/time.ts';
import {
  filedRecords,
  isForeign,
  leftInMaking,
  putAsideIn,
  storedContents,
  unfinished,
} from './inventory.ts';
import type { Layout } from './layout.ts';
import { USE_NOTED } from './look.ts';
import { type EntryRecord, isPresent } from './record.ts';

export interface PruneOptions {
  /** Removes what was used longest ago until at most so many bytes are left. Default: the cache's `maxBytes`. */
  readonly maxBytes?: number;
  /** Removes what was not used for so many milliseconds. Default: no limit; for unfinished fetches seven days. */
  readonly maxAge?: number;
  /** Says what would be removed, and removes nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What was removed, or would be. */
export interface Pruned {
  readonly entries: number;
  readonly contents: number;
  /** Unfinished fetches, and marks of failed ones. */
  readonly partials: number;
  readonly bytes: number;
}

export interface PrunePlan {
  readonly layout: Layout;
  readonly locks: LockManager;
  readonly graceMs: number;
  readonly options: PruneOptions;
}

/** Milliseconds. */
const PARTIAL_AGE = 7 * 86_400_000;
const MAKING = 60_000;

interface Candidate {
  readonly path: string;
  readonly record: EntryRecord;
  readonly used: number;
}

/**
 * Removes what is not wanted any more. P is this process; S the store's lock, which every publisher shares from the rename
 * of its content to that of its record.
 *
 *  1. S, exclusively: no content is on its way to its record from here on. Key locks are only tried: a publisher has its
 *     key and waits for S, so P may not wait for a key.
 *  2. All records are read. One that this version cannot read keeps every content where it is.
 *  3. What is too old or too much is evicted, by last use: with its key's lock, and with its pin, and after another look
 *     at when it was used. The record goes first: a content without a record is litter, a record without its content
 *     would be a needless miss. A reader between the two finds a miss and fetches. P dies: as after step 2.
 *  4. Contents that no record names, and that none has named for the time of grace, are removed, but for those that are
 *     pinned. P dies: the rest is litter for the next prune.
 *  5. S is released. Unfinished fetches that nobody has the lock of, and what was put aside, go by age.
 */
export async function prune(plan: PrunePlan): Promise<Pruned> {
  const { layout, locks } = plan;
  const swept = await locks.with(layout.storeLock, { purpose: 'cache prune' }, () => sweep(plan));
  const left = await removeLeftovers(plan);
  const pruned = { ...swept, partials: left.partials, bytes: swept.bytes + left.bytes };
  if (plan.options.dryRun !== true) publishCacheEvent('pruned', { cache: layout.directory, ...pruned });
  return pruned;
}

async function sweep(plan: PrunePlan): Promise<Omit<Pruned, 'partials'>> {
  const { layout, graceMs, options } = plan;
  const now = Date.now();
  const candidates: Candidate[] = [];
  let keepsAll = false;
  for await (const { path, record, used } of filedRecords(layout)) {
    if (record !== undefined) candidates.push({ path, record, used: Math.min(used, now) });
    else if (isForeign(path)) keepsAll = true;
  }
  const evicted = new Set<Candidate>();
  for (const candidate of victims(candidates, plan, now)) {
    if (await evict(candidate, plan, now)) evicted.add(candidate);
  }
  const named = new Set<string>();
  for (const each of candidates) {
    if (evicted.has(each)) continue;
    if (isPresent(each.record)) named.add(each.record.content);
    for (const { content, at } of each.record.retired) {
      if (isWithin(Date.parse(at), graceMs, now)) named.add(content);
    }
  }
  const gone = { contents: 0, bytes: 0 };
  for await (const { path, content, stats } of storedContents(layout)) {
    if (keepsAll || named.has(content) || isWithin(stats.mtimeMs, graceMs, now)) continue;
    const isGone = await unlessPinned(plan, content, () => {
      if (options.dryRun !== true) rmSync(path, { recursive: true, force: true });
    });
    if (!isGone) continue;
    gone.contents++;
    gone.bytes += stats.size;
  }
  const entries = [...evicted].filter(({ record }) => isPresent(record)).length;
  return { entries, ...gone };
}

/** By last use: what is too old, then as many as it takes to be small enough. Marks of deleted entries go after their grace. */
function victims(
  candidates: readonly Candidate[],
  { graceMs, options }: PrunePlan,
  now: number,
): Candidate[] {
  const { maxAge = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = options;
  const names = new Map<string, number>();
  let total = 0;
  for (const { record } of candidates) {
    if (!isPresent(record)) continue;
    const count = names.get(record.content) ?? 0;
    if (count === 0) total += record.size;
    names.set(record.content, count + 1);
  }
  const grace = graceMs === 0 ? 0 : graceMs + USE_NOTED;
  const chosen: Candidate[] = [];
  for (const candidate of [...candidates].sort((a, b) => a.used - b.used)) {
    const { record, used } = candidate;
    if (!isPresent(record)) {
      if (!record.retired.some(({ at }) => isWithin(Date.parse(at), graceMs, now))) chosen.push(candidate);
      continue;
    }
    if (isWithin(used, grace, now) || !(now - used > maxAge || total > maxBytes)) continue;
    chosen.push(candidate);
    const count = (names.get(record.content) ?? 1) - 1;
    names.set(record.content, count);
    if (count === 0) total -= record.size;
  }
  return chosen;
}

/** Whether it is gone, or would be: nobody fetches it, uses it, or has used it since it was looked at. */
async function evict({ path, record, used }: Candidate, plan: PrunePlan, now: number): Promise<boolean> {
  const { layout, locks, options } = plan;
  const lock = await tryLock(locks, layout.lockOf(record.key));
  if (lock === undefined) return false;
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || Math.min(stats.mtimeMs, now) > used) return false;
    const remove = () => {
      if (options.dryRun !== true) unlinkSync(path);
    };
    if (isPresent(record)) return await unlessPinned(plan, record.content, remove);
    remove();
    return true;
  } finally {
    await lock.release();
  }
}

/** Undefined for a lock that somebody holds, which may be the very code that prunes. */
async function tryLock(locks: LockManager, target: { readonly file: string }): Promise<Lock | undefined> {
  try {
    return await locks.tryAcquire(target);
  } catch (error) {
    if (error instanceof DeadlockError) return undefined;
    throw error;
  }
}

/** Nobody uses the content while the body runs; false when somebody does. A content that never was pinned has no lock. */
async function unlessPinned(
  { layout, locks }: PrunePlan,
  content: string,
  body: () => void,
): Promise<boolean> {
  const pin = layout.pinOf(content);
  let lock: Lock | undefined;
  if (existsSync(locks.pathOf(pin))) {
    lock = await tryLock(locks, pin);
    if (lock === undefined) return false;
  }
  try {
    body();
    return true;
  } finally {
    await lock?.release();
  }
}

async function removeLeftovers({
  layout,
  locks,
  graceMs,
  options,
}: PrunePlan): Promise<Pick<Pruned, 'partials' | 'bytes'>> {
  const { maxAge = PARTIAL_AGE, dryRun } = options;
  const now = Date.now();
  const gone = { partials: 0, bytes: 0 };
  for await (const { path, name, written, bytes } of unfinished(layout)) {
    if (isWithin(written, maxAge, now)) continue;
    const lock = await tryLock(locks, { file: join(layout.locks, name) });
    if (lock === undefined) continue;
    try {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
      if (dryRun !== true) rmSync(path, { recursive: true, force: true });
      gone.partials++;
      gone.bytes += bytes;
    } finally {
      await lock.release();
    }
  }
  const left = leftInMaking(layout).filter(({ stats }) => !isWithin(stats.mtimeMs, MAKING, now));
  const aside = putAsideIn(layout).filter(({ stats }) => !isWithin(stats.ctimeMs, graceMs, now));
  for (const { path, stats } of [...left, ...aside]) {
    if (dryRun !== true) rmSync(path, { recursive: true, force: true });
    gone.bytes += stats.size;
  }
  return gone;
}

/** A time of the future, by a clock that was set back, counts as long ago where something is to be kept for it alone. */
function isWithin(time: number, span: number, now: number): boolean {
  return time <= now && now - time < span;
}
