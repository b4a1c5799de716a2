import { existsSync, rmSync, type Stats, utimesSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Hashed, hashFile } from '../content/hash.ts';
import { type Algorithm, integrityOf } from '../content/integrity.ts';
import { dataFile } from '../content/partial/state.ts';
import { NOT_MODIFIED } from '../content/validators.ts';
import { DOWNLOAD } from '../download/producer.ts';
import { systemCode } from '../errors/base.ts';
import { type CacheDirectoryError, CorruptEntryError, NotCachedError } from '../errors/cache-errors.ts';
import { IncompleteError, IntegrityError, NoSpaceError } from '../errors/content-errors.ts';
import { publishCacheEvent } from '../events/cache-channel.ts';
import { self } from '../identity/self.ts';
import { given } from '../lock/known-options.ts';
import { Lock } from '../lock/lock.ts';
import { inside } from '../storage/fs/inside.ts';
import { setModeOfOwn } from '../storage/fs/rights.ts';
import { isHidden, lstatOrNothing } from '../storage/fs/stat.ts';
import { syncDirectory } from '../storage/fs/sync-directory.ts';
import { clearInside, clearInsideQuietly } from '../storage/remove-inside.ts';
import { isTransient } from '../storage/transient/index.ts';
import { Date, performance } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import { type Call, fits, needsHash, type Turn, turnOf, unfit, type Wish } from './call.ts';
import type { Outcome } from './entry.ts';
import { leaveMark, removeMarks, sharedFailure } from './failure.ts';
import { digestOf, isDamaged } from './inventory.ts';
import type { Layout } from './layout.ts';
import { look, type Sight } from './look.ts';
import { DEFAULT_POLICY, isCurrent } from './policy.ts';
import { excludes, type Produced, produce } from './produce.ts';
import { CONTENT_MODE, commit, LEAST_STORE_WAIT, publish, putAside, stampedTime } from './publish.ts';
import { type EntryRecord, generationAfter, isPresent, type PresentRecord } from './record.ts';
import { refused } from './refused.ts';
import { retiredBy } from './retired.ts';

/**
 * The turn of a call that got the key's lock. Whatever it saw before, it looks again: whoever had the lock has published,
 * failed or died meanwhile.
 *
 *  1. An entry of another generation than when the call came was published by somebody it waited for, and is taken
 *     whatever the policy says (no clock decides). So is a failure.
 *  2. Else the policy decides, on an entry whose content is found right: one that was touched is hashed; if it is wrong
 *     it is put aside, and there is none.
 *  3. Else the bytes are made and published.
 */
export async function takeTurn(call: Call, lock: Lock | CacheDirectoryError): Promise<Outcome> {
  const { layout, key, options, before } = call;
  const { policy = DEFAULT_POLICY } = options;
  const turn = lock instanceof Lock ? turnOf(call, lock) : undefined;
  const found = look(layout, key);
  const sight = await inspected(call, found, turn);
  if (sight.state === 'good' && fits(call, sight.record)) {
    if (turn !== undefined) tidy(turn);
    if (sight.record.generation !== before.generation) {
      trace?.(layout.recordOf(key), `takes generation ${sight.record.generation}, which it waited for`);
      publishCacheEvent('flight-joined', { cache: layout.directory, key, outcome: 'success' });
      return { record: sight.record, from: 'shared' };
    }
    if (isCurrent(policy, sight.record)) return { record: sight.record, from: 'cache' };
  }
  const stale =
    options.staleIfError === true && policy !== 'never' && sight.state === 'good' && fits(call, sight.record)
      ? ({ record: sight.record, from: 'stale' } as const)
      : undefined;
  if (policy === 'never' || turn === undefined) {
    if (sight.state === 'none' && found.state !== 'none')
      throw new CorruptEntryError(key, found.path, lock instanceof Lock ? undefined : lock);
    if (turn === undefined && stale !== undefined) return stale;
    if (turn === undefined) throw lock;
    throw sight.state === 'good' ? unfit(call, sight.record) : new NotCachedError(key, layout.directory);
  }
  try {
    const failure = await sharedFailure(turn);
    if (failure !== undefined) {
      publishCacheEvent('flight-joined', { cache: layout.directory, key, outcome: 'failure' });
      throw failure;
    }
    return { record: await make(turn, sight), from: 'own' };
  } catch (error) {
    if (stale === undefined || turn.signal.aborted) throw error;
    turn.lock.assertHeld();
    const now = await seenAgain(turn);
    if (now.state !== 'good' || now.record.content !== stale.record.content) throw error;
    return { ...stale, record: now.record };
  }
}

/** What a process that died after it had published has left of that. */
function tidy({ layout, key, lock }: Turn): void {
  const directory = layout.partialOf(key);
  if (existsSync(directory) && excludes(lock) && !existsSync(dataFile(directory)))
    clearInsideQuietly(layout.directory, directory);
}

async function make(turn: Turn, sight: Sight): Promise<PresentRecord> {
  const { layout, key, signal } = turn;
  const about = { cache: layout.directory, key };
  const clock = performance.now();
  publishCacheEvent('flight-started', about);
  try {
    let produced = await produce(turn, sight);
    const now = produced === NOT_MODIFIED ? await seenAgain(turn) : sight;
    const isConfirmed = produced === NOT_MODIFIED && now.state === 'good';
    if (produced === NOT_MODIFIED && !isConfirmed) produced = await produce(turn, now);
    const record = isConfirmed
      ? await confirm(turn, now.record)
      : await publishMade(turn, now.record, produced as Produced).catch((error) => {
          dropMade(turn, produced as Produced);
          throw error;
        });
    removeMarks(layout, key);
    const { generation, size } = record;
    const took = Math.round(performance.now() - clock);
    publishCacheEvent('published', { ...about, generation, size, took });
    return record;
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof IncompleteError) {
      publishCacheEvent('refused', { ...about, reason: error.message });
    }
    if (!signal.aborted) await leaveMark(turn, error);
    throw error;
  }
}

/** What could not be published only fills the disk, but for a download, which the next fetch goes on with. */
function dropMade({ layout, lock, producer }: Turn, { made }: Produced): void {
  if (lock.signal.aborted || (DOWNLOAD in producer && excludes(lock))) return; // of whoever has the lock now, or next
  clearInsideQuietly(layout.directory, dirname(made.path));
}

function publishMade(
  turn: Turn,
  previous: EntryRecord | undefined,
  { made, source }: Produced,
): Promise<PresentRecord> {
  const { key, graceMs } = turn;
  const now = new Date().toISOString();
  const { size, digests } = made;
  const { pid, host, user, command } = self();
  return publish(turn, made, (mtime) => ({
    format: 1,
    key,
    content: digests.sha256,
    digests,
    integrity: integrityOf(digests),
    size,
    mtime,
    generation: generationAfter(previous),
    produced: now,
    checked: now,
    by: given({ pid, host, user, command }),
    ...given({ validators: source?.validators, url: source?.url }),
    retired: retiredBy(previous, digests.sha256, graceMs),
  }));
}

/**
 * The entry that was there before the bytes were asked for, which takes any time: a content that was touched meanwhile is
 * hashed, and is none if it is wrong. The source's word that it is current says nothing about that.
 */
async function seenAgain(turn: Turn): Promise<Sight> {
  const sight = look(turn.layout, turn.key);
  return sight.state === 'touched' ? inspected(turn, sight, turn) : sight;
}

/** The source says that the entry is still current. */
async function confirm({ layout, lock }: Turn, record: PresentRecord): Promise<PresentRecord> {
  const confirmed = { ...record, generation: generationAfter(record), checked: new Date().toISOString() };
  await commit(layout, lock, confirmed);
  return confirmed;
}

type Inspection = Wish & Pick<Call, 'layout'> & Partial<Pick<Call, 'signal' | 'timeout'>>;

/** Who holds the lock of the key, and may change what is wrong. */
type Healer = Pick<Turn, 'lock' | 'locks'>;

/**
 * What is left of a touched content, or of any where its hash is to decide: it is right, or it is none. Another key may have
 * the same content, and whoever holds that key's lock heals it meanwhile: where what was hashed is gone, it is looked at
 * again.
 */
async function inspected(call: Inspection, sight: Sight, healer: Healer | undefined): Promise<Sight> {
  const { layout, key, integrity, signal } = call;
  for (let seen = sight; ; seen = look(layout, key)) {
    if (seen.state === 'none' || !(needsHash(call, seen) || healer === undefined)) return seen;
    const { record, path } = seen;
    if (isLinked(layout, path)) return { state: 'none', record }; // what is there is nothing of the cache's
    const before = lstatOrNothing(path);
    const hashed = await hashOrNothing(
      layout,
      path,
      integrity === undefined ? [] : [integrity.algorithm],
      signal,
    );
    if (hashed?.digests.sha256 === record.content) {
      const digests = { ...record.digests, ...hashed.digests };
      const renewed = { ...record, mtime: hashed.mtimeMs, digests, integrity: integrityOf(digests) };
      if (healer !== undefined) await renew(layout, healer.lock, path, renewed);
      return { state: 'good', record: renewed, path };
    }
    if (healer === undefined || (await isPutAside(call, path, before, healer)))
      return { state: 'none', record };
  }
}

/** Notes what was found of a right content. A full disk has no room for that, and the next look hashes it again. */
async function renew(layout: Layout, lock: Lock, path: string, record: PresentRecord): Promise<void> {
  inside(layout.directory, path, (same) => setModeOfOwn(same, CONTENT_MODE));
  await commit(layout, lock, record).catch((error) => {
    if (!(error instanceof NoSpaceError)) throw error;
  });
}

/** Whether somebody has put a link in the place of a directory on the way to a content. */
function isLinked(layout: Layout, path: string): boolean {
  try {
    return inside(layout.directory, path, () => false);
  } catch (error) {
    return systemCode(error) === 'ENOTDIR' || systemCode(error) === 'ELOOP';
  }
}

/** Puts aside a content that was found wrong, if it is still that file: under the store's lock, nobody publishes another. */
async function isPutAside(
  { layout, key, signal, timeout = 0 }: Inspection,
  path: string,
  wrong: Stats | undefined,
  { lock, locks }: Healer,
): Promise<boolean> {
  const wait = Math.max(timeout, LEAST_STORE_WAIT);
  const terms = { timeout: wait, purpose: `cache repair ${key}`, ...given({ signal }) };
  const isDone = await locks.with(layout.storeLock, terms, () => {
    const now = lstatOrNothing(path);
    if (now === undefined || now.ino !== wrong?.ino || now.dev !== wrong.dev) return false;
    trace?.(lock.path, `puts aside the content, which was changed: ${path}`);
    putAside(layout, path);
    return true;
  });
  if (isDone) publishCacheEvent('healed', { cache: layout.directory, key, content: digestOf(path) });
  return isDone;
}

/** Of a content that can be read, or be made readable. */
async function hashOrNothing(
  layout: Layout,
  path: string,
  algorithms: readonly Algorithm[],
  signal: AbortSignal | undefined,
): Promise<Hashed | undefined> {
  try {
    return await hashFile(path, algorithms, signal).catch((error) => {
      if (systemCode(error) !== 'EACCES') throw error;
      inside(layout.directory, path, (same) => setModeOfOwn(same, CONTENT_MODE));
      return hashFile(path, algorithms, signal);
    });
  } catch (error) {
    if (systemCode(error) === undefined || isTransient(error)) throw error;
    return undefined;
  }
}

/**
 * Forgets an entry whose content is missing or was changed, looked at under the lock; whether there was one. Where this user
 * may not look, nobody knows that.
 */
export async function heal(
  layout: Layout,
  healer: Healer,
  key: string,
  graceMs: number,
  terms: Pick<Call, 'signal' | 'timeout'>,
): Promise<boolean> {
  const wish = { ...terms, key, layout, options: { verify: 'full' }, integrity: undefined } as const;
  const { state, record } = await inspected(wish, look(layout, key), healer);
  if (state !== 'none' || (isPresent(record) && isHidden(layout.contentOf(record.content)))) return false;
  return forget(layout, healer.lock, key, graceMs);
}

/**
 * Puts a damaged record aside, for who holds the lock of its key: the name of the file says which that is. Whoever fetches
 * the key has replaced it meanwhile, or waits. Not one that a later version, or another user, may be able to read.
 */
export function discard(layout: Layout, lock: Lock, path: string): boolean {
  if (!isDamaged(layout, path)) return false;
  lock.assertHeld();
  putAside(layout, path);
  return true;
}

/**
 * Leaves a record without a content, which keeps the count of generations and says what paths may still lead to. A full disk
 * has no room for it, and somebody who wants some: the times of those contents say then that they stay for their grace,
 * which needs none, and the record goes. The generations begin again: a refresh that waits meanwhile may be made twice.
 */
export async function forget(layout: Layout, lock: Lock, key: string, graceMs: number): Promise<boolean> {
  const found = look(layout, key);
  removeMarks(layout, key);
  removePartial(layout, key);
  if (found.record === undefined) return discard(layout, lock, layout.recordOf(key));
  if (!isPresent(found.record)) return false;
  const generation = generationAfter(found.record);
  const retired = retiredBy(found.record, null, graceMs);
  try {
    await commit(layout, lock, { ...found.record, content: null, generation, retired });
  } catch (error) {
    if (!(error instanceof NoSpaceError)) throw error;
    for (const { content } of retired) touch(layout.contentOf(content), stampedTime(content) - 1);
    lock.assertHeld();
    rmSync(layout.recordOf(key), { force: true });
    await syncDirectory(layout.entries);
  }
  return true;
}

function removePartial(layout: Layout, key: string): void {
  try {
    clearInside(layout.directory, layout.partialOf(key));
  } catch (error) {
    throw refused(layout, error);
  }
}

/** As if it was published then, which is not to be in the future. @throws the system's error for another user's. */
function touch(path: string, time: number): void {
  if (lstatOrNothing(path)?.isFile() === true) utimesSync(path, time, time);
}
