import { chmodSync, rmSync } from 'node:fs';
import { systemCode } from '../errors/base.ts';
import { CorruptEntryError, NotCachedError } from '../errors/cache-errors.ts';
import { IncompleteError, IntegrityError } from '../errors/content-errors.ts';
import { publishCacheEvent } from '../events/cache-channel.ts';
import { self } from '../identity/self.ts';
import type { Lock } from '../lock/lock.ts';
import { isTransient } from '../storage/transient/index.ts';
import { Date, performance } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import type { Turn } from './call.ts';
import { NOT_MODIFIED } from './download/not-modified.ts';
import type { Outcome } from './entry.ts';
import { isOfFlight, leaveMark, readMark, removeMark, sharedFailure } from './failure.ts';
import { type Hashed, hashFile } from './hash.ts';
import { type Algorithm, formatIntegrity, matches } from './integrity.ts';
import type { Layout } from './layout.ts';
import { look, type Sight } from './look.ts';
import { DEFAULT_POLICY, isCurrent } from './policy.ts';
import { type Produced, produce } from './produce.ts';
import { CONTENT_MODE, commit, publish, putAside } from './publish.ts';
import { type EntryRecord, isPresent, type PresentRecord, type Publisher, type Retired } from './record.ts';

/** Milliseconds for which a content that was replaced is remembered. */
const RETIRED_FOR = 86_400_000;
const MOST_RETIRED = 16;

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
export async function takeTurn(turn: Turn): Promise<Outcome> {
  const { layout, lock, key, options, before } = turn;
  const { policy = DEFAULT_POLICY } = options;
  const found = look(layout, key);
  const sight = await inspected(turn, found);
  if (sight.state === 'good' && fits(turn, sight.record)) {
    if (sight.record.generation !== before.generation) {
      trace?.(lock.path, `takes generation ${sight.record.generation}, which it waited for`);
      publishCacheEvent('flight-joined', { cache: layout.directory, key, outcome: 'success' });
      return { record: sight.record, from: 'shared' };
    }
    if (isCurrent(policy, sight.record)) return { record: sight.record, from: 'cache' };
  }
  if (policy === 'never') {
    if (sight.state === 'good') throw unfit(turn, sight.record);
    if (found.state !== 'none') throw new CorruptEntryError(key, found.path);
    throw new NotCachedError(key, layout.directory);
  }
  try {
    const mark = readMark(layout, key);
    const failure =
      mark === undefined || mark.id === before.failure ? undefined : sharedFailure(mark, options.integrity);
    if (failure !== undefined) {
      publishCacheEvent('flight-joined', { cache: layout.directory, key, outcome: 'failure' });
      throw failure;
    }
    return { record: await make(turn, sight), from: 'own' };
  } catch (error) {
    if (options.staleIfError !== true || sight.state !== 'good' || turn.signal.aborted) throw error;
    lock.assertHeld();
    return { record: sight.record, from: 'stale' };
  }
}

async function make(turn: Turn, sight: Sight): Promise<PresentRecord> {
  const { layout, lock, key, options, signal } = turn;
  const about = { cache: layout.directory, key };
  const clock = performance.now();
  publishCacheEvent('flight-started', about);
  try {
    const produced = await produce(turn, sight);
    const record =
      produced === NOT_MODIFIED
        ? await confirm(turn, (sight as { record: PresentRecord }).record)
        : await publishMade(turn, sight.record, produced as Produced);
    removeMark(layout, key);
    const { generation, size } = record;
    const took = Math.round(performance.now() - clock);
    publishCacheEvent('published', { ...about, generation, size, took });
    return record;
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof IncompleteError) {
      publishCacheEvent('refused', { ...about, reason: error.message });
    }
    if (!signal.aborted && !lock.signal.aborted && isOfFlight(error)) {
      leaveMark(layout, key, error, options.integrity);
    }
    throw error;
  }
}

function publishMade(
  { layout, locks, lock, key }: Turn,
  previous: EntryRecord | undefined,
  { made, source }: Produced,
): Promise<PresentRecord> {
  const now = new Date().toISOString();
  const { size, digests } = made;
  return publish(layout, locks, lock, made, (mtime) => ({
    format: 1,
    key,
    content: digests.sha256,
    digests,
    integrity: integrityOf(digests),
    size,
    mtime,
    generation: (previous?.generation ?? 0) + 1,
    produced: now,
    checked: now,
    by: publisher(),
    ...(source === undefined ? {} : { validators: source.validators, url: source.url }),
    retired: retiredBy(previous, digests.sha256),
  }));
}

/** The source says that the entry is still current. */
async function confirm({ layout, lock }: Turn, record: PresentRecord): Promise<PresentRecord> {
  const confirmed = { ...record, generation: record.generation + 1, checked: new Date().toISOString() };
  await commit(layout, lock, confirmed);
  return confirmed;
}

/** What is left of a touched content, or of any where its hash is to decide: it is right, or it is none. */
async function inspected(turn: Turn, sight: Sight): Promise<Sight> {
  const { layout, lock, options, integrity, signal } = turn;
  if (sight.state === 'none') return sight;
  const { record, path } = sight;
  const isKnown = integrity === undefined || record.digests[integrity.algorithm] !== undefined;
  if (sight.state === 'good' && isKnown && options.verify !== 'full') return sight;
  const hashed = await hashOrNothing(path, integrity === undefined ? [] : [integrity.algorithm], signal);
  if (hashed?.digests.sha256 !== record.content) {
    trace?.(lock.path, `puts aside the content, which was changed: ${path}`);
    putAside(layout, path);
    publishCacheEvent('healed', { cache: layout.directory, key: record.key, content: record.content });
    return { state: 'none', record };
  }
  const digests = { ...record.digests, ...hashed?.digests };
  const renewed = {
    ...record,
    mtime: hashed?.mtimeMs ?? record.mtime,
    digests,
    integrity: integrityOf(digests),
  };
  await commit(layout, lock, renewed);
  return { state: 'good', record: renewed, path };
}

/** Of a content that can be read, or be made readable. */
async function hashOrNothing(
  path: string,
  algorithms: readonly Algorithm[],
  signal: AbortSignal,
): Promise<Hashed | undefined> {
  try {
    chmodSync(path, CONTENT_MODE);
  } catch {
    // Another user's: it can be read or not.
  }
  try {
    return await hashFile(path, algorithms, signal);
  } catch (error) {
    if (systemCode(error) === undefined || isTransient(error)) throw error;
    return undefined;
  }
}

/** Leaves a record without a content, which keeps the count of generations and says what paths may still lead to. */
export async function forget(layout: Layout, lock: Lock, key: string): Promise<boolean> {
  const found = look(layout, key);
  removeMark(layout, key);
  rmSync(layout.partialOf(key), { recursive: true, force: true });
  if (!isPresent(found.record)) return false;
  const { generation } = found.record;
  const retired = retiredBy(found.record, null);
  await commit(layout, lock, { ...found.record, content: null, generation: generation + 1, retired });
  return true;
}

/** Whether an entry is one that this call asks for. */
export function fits(
  { integrity, options }: Pick<Turn, 'integrity' | 'options'>,
  record: PresentRecord,
): boolean {
  if (options.size !== undefined && options.size !== record.size) return false;
  return integrity === undefined || matches(integrity, record.digests);
}

/** The error of a call that may not fetch what it asks for. */
export function unfit(
  { key, options }: Pick<Turn, 'key' | 'options'>,
  { integrity, size }: PresentRecord,
): IntegrityError {
  const expected = options.integrity ?? `${options.size} bytes`;
  return new IntegrityError({ what: key, expected, got: integrity, size });
}

function integrityOf(digests: PresentRecord['digests']): string {
  const order = ['sha256', 'sha384', 'sha512', 'sha1', 'md5'] as const;
  return order
    .flatMap((name) => (digests[name] === undefined ? [] : formatIntegrity(name, digests[name])))
    .join(' ');
}

function publisher(): Publisher {
  const { pid, host, user, command } = self();
  return {
    pid,
    command,
    ...(host === undefined ? {} : { host }),
    ...(user === undefined ? {} : { user }),
  };
}

/** Contents that paths may still lead to which were returned before they were replaced. */
function retiredBy(previous: EntryRecord | undefined, content: string | null): readonly Retired[] {
  if (previous === undefined) return [];
  const now = Date.now();
  const before = previous.retired.filter(({ at }) => Math.abs(now - Date.parse(at)) < RETIRED_FOR);
  const own =
    previous.content === null || previous.content === content
      ? []
      : [{ content: previous.content, at: new Date(now).toISOString() }];
  return [...before, ...own].slice(-MOST_RETIRED);
}
