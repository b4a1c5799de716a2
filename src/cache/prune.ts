import { fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { isFull } from '../errors/exhaustion.ts';
import { DeadlockError, UnwritableError } from '../errors/lock-errors.ts';
import { publishCacheEvent } from '../events/cache-channel.ts';
import { extent, flag, type Kinds, span } from '../lock/known-options.ts';
import type { Lock } from '../lock/lock.ts';
import type { LockManager } from '../lock/manager.ts';
import { READ_SAFELY } from '../storage/fs/open-flags.ts';
import { closeQuietly } from '../storage/fs/quietly.ts';
import { lstatOrNothing, mayBeThere } from '../storage/fs/stat.ts';
import { removeInside } from '../storage/remove-inside.ts';
import { Date } from '../time/time.ts';
import {
  type Filed,
  type Found,
  filedRecords,
  foreignness,
  isDamaged,
  leftInMaking,
  lockOfRecord,
  type OnUnread,
  putAsideIn,
  storedContents,
  unfinished,
} from './inventory.ts';
import type { Layout } from './layout.ts';
import { USE_NOTED } from './look.ts';
import { excludes } from './produce.ts';
import { commit } from './publish.ts';
import { type EntryRecord, isPresent, type PresentRecord } from './record.ts';

export interface PruneOptions {
  /** Removes what was used longest ago until at most so many bytes are left. Default: the cache's `maxBytes`. */
  readonly maxBytes?: number | undefined;
  /** Removes what was not used for so many milliseconds. Default: no limit; for unfinished fetches seven days. */
  readonly maxAge?: number | undefined;
  /** Says what would be removed, and removes nothing. Default false. */
  readonly dryRun?: boolean | undefined;
}

export const PRUNE_OPTIONS: Kinds<PruneOptions> = { maxBytes: extent, maxAge: span, dryRun: flag };

/** What was removed, or would be. */
export interface Pruned {
  readonly entries: number;
  readonly contents: number;
  /** Unfinished fetches, and marks of failed ones. */
  readonly partials: number;
  /** What was put aside, damaged records, and what killed processes were writing. */
  readonly leftovers: number;
  /** Of these contents, unfinished fetches and leftovers. */
  readonly bytes: number;
  /**
   * What could not be removed, or a directory that could not be looked into, and the system's code for why: the rest was.
   * A record that could not be read keeps every entry and every content; its reason is the code, or `format 2`, say, of a
   * later version.
   */
  readonly failed: readonly PruneFailure[];
}

export interface PruneFailure {
  readonly path: string;
  readonly reason: string;
  readonly could: 'not be removed' | 'not be read' | 'not be looked into';
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

/** A content, by its digest. */
type Stored = Pick<Found, 'path'> & Pick<Found['stats'], 'size' | 'mtimeMs'>;
type Candidate = Filed & { readonly record: EntryRecord };

/**
 * Removes what is not wanted any more. P is this process; S the store's lock, which every publisher shares from the rename
 * of its content to that of its record.
 *
 *  1. S, exclusively: no content is on its way to its record from here on. Key locks are only tried: a publisher has its
 *     key and waits for S, so P may not wait for a key.
 *  2. All records are read. One that cannot be read, or only by a later version, may name any content: all stay where they
 *     are, and so do all entries, whose end would make no room. One that is damaged goes, with its key's lock.
 *  3. What is too old or too much is evicted, by last use: with its key's lock, and with its pin, and after another look
 *     at when it was used. The record goes first: a content without a record is litter, a record without its content
 *     would be a needless miss. A reader between the two finds a miss and fetches. A reader notes its use by the record's
 *     name: after the removal it finds that gone, and waits for the key; before it, P sees the use in the file that it
 *     has removed, and writes the record anew. P dies: as after step 2.
 *  4. Contents that no record names, and that none has named for the time of grace, are removed, but for those that are
 *     pinned. P dies: the rest is litter for the next prune.
 *  5. S is released. Unfinished fetches that nobody has the lock of, and what was put aside, go by age.
 */
export async function prune(plan: PrunePlan): Promise<Pruned> {
  const pruning = new Pruning(plan);
  await plan.locks.with(plan.layout.storeLock, { purpose: 'cache prune' }, () => pruning.sweep());
  await pruning.removeLeftovers();
  const { gone, failed } = pruning;
  if (plan.options.dryRun !== true) publishCacheEvent('pruned', { cache: plan.layout.directory, ...gone });
  return { ...gone, failed };
}

class Pruning {
  readonly gone = { entries: 0, contents: 0, partials: 0, leftovers: 0, bytes: 0 };
  readonly failed: PruneFailure[] = [];
  readonly #plan: PrunePlan;
  readonly #now = Date.now();
  readonly #unread: OnUnread = (_error, path, reason) =>
    void this.failed.push({ path, reason, could: 'not be looked into' });

  constructor(plan: PrunePlan) {
    this.#plan = plan;
  }

  /** Steps 2 to 4. */
  async sweep(): Promise<void> {
    const { layout, graceMs } = this.#plan;
    const candidates: Candidate[] = [];
    for await (const { path, record, used } of filedRecords(layout)) {
      const reason = record === undefined ? foreignness(path) : undefined;
      if (record !== undefined) candidates.push({ path, record, used: Math.min(used, this.#now) });
      else if (reason !== undefined) this.failed.push({ path, reason, could: 'not be read' });
      else await this.#removeDamaged(path);
    }
    if (this.failed.some(({ could }) => could === 'not be read')) return;
    const stored = new Map<string, Stored>();
    for await (const { content, path, stats } of storedContents(layout, this.#unread)) {
      stored.set(content, { path, size: stats.size, mtimeMs: stats.mtimeMs });
    }
    const kept = new Set(candidates);
    for (const victim of this.#victimsAmong(candidates, stored)) {
      if (!(await this.#evict(victim))) continue;
      kept.delete(victim);
      if (isPresent(victim.record)) this.gone.entries++;
    }
    const named = new Set<string | null>();
    for (const { record } of kept) {
      named.add(record.content);
      for (const { content, at } of record.retired)
        if (this.#isWithin(Date.parse(at), graceMs)) named.add(content);
    }
    for (const [content, { path, size, mtimeMs }] of stored) {
      if (named.has(content) || this.#isWithin(mtimeMs, graceMs)) continue;
      if (!(await this.#under(layout.pinOf(content), () => this.#remove(path)))) continue;
      this.gone.contents++;
      this.gone.bytes += size;
    }
  }

  async #removeDamaged(path: string): Promise<void> {
    const { layout } = this.#plan;
    const size = lstatOrNothing(path)?.size ?? 0;
    const remove = () => isDamaged(layout, path) && this.#remove(path);
    if (await this.#under(lockOfRecord(layout, path), remove)) this.#countLeftover(size);
  }

  /** Step 5. */
  async removeLeftovers(): Promise<void> {
    const { layout, graceMs, options } = this.#plan;
    const { maxAge = PARTIAL_AGE } = options;
    for await (const { path, name, written, bytes, isEmpty } of unfinished(layout, this.#unread)) {
      const isOld = !this.#isWithin(written, maxAge);
      if (!isOld && !isEmpty) continue;
      const isGone = await this.#under({ file: join(layout.locks, name) }, (lock) => {
        return (isOld || excludes(lock)) && this.#remove(path);
      });
      if (!isGone) continue;
      this.gone.partials++;
      this.gone.bytes += bytes;
    }
    const left = leftInMaking(layout, this.#unread).filter(
      ({ stats }) => !this.#isWithin(stats.mtimeMs, MAKING),
    );
    const aside = putAsideIn(layout, this.#unread).filter(
      ({ stats }) => !this.#isWithin(stats.ctimeMs, graceMs),
    );
    for (const { path, stats } of [...left, ...aside])
      if (this.#remove(path)) this.#countLeftover(stats.size);
  }

  #countLeftover(bytes: number): void {
    this.gone.leftovers++;
    this.gone.bytes += bytes;
  }

  /** By last use: what is too old, then as many as it takes to be small enough. Marks of deleted entries go after their grace. */
  #victimsAmong(candidates: readonly Candidate[], stored: ReadonlyMap<string, Stored>): Candidate[] {
    const { layout, graceMs, options } = this.#plan;
    const { maxAge = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = options;
    const names = new Map<string, number>();
    const isStored = (content: string) => stored.has(content) || mayBeThere(layout.contentOf(content));
    const sizeOf = ({ content, size }: PresentRecord) => stored.get(content)?.size ?? size;
    let total = 0;
    for (const { record } of candidates) {
      if (!isPresent(record) || !isStored(record.content)) continue;
      const count = names.get(record.content) ?? 0;
      if (count === 0) total += sizeOf(record);
      names.set(record.content, count + 1);
    }
    const grace = graceMs === 0 ? 0 : graceMs + USE_NOTED;
    return [...candidates]
      .sort((a, b) => a.used - b.used)
      .filter(({ record, used }) => {
        if (!isPresent(record))
          return !record.retired.some(({ at }) => this.#isWithin(Date.parse(at), graceMs));
        const count = (names.get(record.content) ?? 0) - 1; // below 0: the content is missing, and takes no room
        const isTooMuch = total > maxBytes && count >= 0;
        if (this.#isWithin(used, grace) || !(this.#now - used > maxAge || isTooMuch)) return false;
        names.set(record.content, count);
        if (count === 0) total -= sizeOf(record);
        return true;
      });
  }

  /** Whether it is gone, or would be: nobody fetches it, uses it, or has used it since it was looked at. */
  #evict({ path, record, used }: Candidate): Promise<boolean> {
    const { layout } = this.#plan;
    return this.#under(layout.lockOf(record.key), (lock) => {
      const remove = () => this.#removeUnused({ path, record, used }, lock);
      // Without room for its pin, its content stays as long as it is in use: step 4 finds room where a record was.
      return isPresent(record) ? this.#under(layout.pinOf(record.content), remove, remove) : remove();
    });
  }

  /** Step 3, of one record. */
  async #removeUnused({ path, record, used }: Candidate, lock: Lock): Promise<boolean> {
    let fd: number;
    try {
      fd = openSync(path, READ_SAFELY);
    } catch {
      return false; // gone, or no longer what it was
    }
    try {
      const isUsed = () => Math.min(fstatSync(fd).mtimeMs, this.#now) > used;
      if (isUsed() || !this.#remove(path)) return false;
      if (!isUsed()) return true;
    } finally {
      closeQuietly(fd);
    }
    if (lstatOrNothing(path) === undefined)
      await commit(this.#plan.layout, lock, record).catch((error) => this.#failedTo(path, error));
    return false; // its content stays, for who has its path
  }

  /**
   * What a body says under a lock, which is only tried; false where somebody holds it, maybe the very code that prunes.
   * `withoutRoom`: instead, where the disk has none for the lock, which then nobody holds.
   */
  async #under(
    target: { readonly file: string },
    body: (lock: Lock) => boolean | Promise<boolean>,
    withoutRoom?: () => boolean | Promise<boolean>,
  ): Promise<boolean> {
    const { locks } = this.#plan;
    let isFullDisk = false;
    const lock = await locks.tryAcquire(target).catch((error: unknown) => {
      isFullDisk = error instanceof UnwritableError && isFull(error.systemCode);
      if (!isFullDisk && !(error instanceof DeadlockError)) throw error;
      if (isFullDisk && withoutRoom === undefined) this.#failedTo(locks.pathOf(target), { code: 'ENOSPC' });
    });
    if (lock === undefined) return isFullDisk && withoutRoom !== undefined ? withoutRoom() : false;
    try {
      return await body(lock);
    } finally {
      await lock.release();
    }
  }

  /** Whether it is gone, or would be. */
  #remove(path: string): boolean {
    const found = lstatOrNothing(path);
    if (found === undefined || this.#plan.options.dryRun === true) return found !== undefined;
    try {
      removeInside(this.#plan.layout.directory, path);
      return true;
    } catch (error) {
      return this.#failedTo(path, error);
    }
  }

  #failedTo(path: string, error: unknown): false {
    this.failed.push({ path, reason: systemCode(error) ?? String(error), could: 'not be removed' });
    return false;
  }

  /** A time of the future, by a clock that was set back, counts as long ago where something is to be kept for it alone. */
  #isWithin(time: number, span: number): boolean {
    return time <= this.#now && this.#now - time < span;
  }
}
