import { randomBytes } from 'node:crypto';
import { promises, rmSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hashFile } from '../content/hash.ts';
import type { Digests } from '../content/integrity.ts';
import { systemCode } from '../errors/base.ts';
import { ANOTHER, CacheDirectoryError, ProducerError } from '../errors/cache-errors.ts';
import { explained } from '../errors/content-errors.ts';
import { isFull } from '../errors/exhaustion.ts';
import type { Lock } from '../lock/lock.ts';
import { makeOwnDirectory } from '../storage/directory.ts';
import { writeSynced } from '../storage/durable.ts';
import { inside } from '../storage/fs/inside.ts';
import { removeIfEmpty, unlinkQuietly } from '../storage/fs/quietly.ts';
import { completeFile } from '../storage/fs/rights.ts';
import { isSame, lstatOrNothing } from '../storage/fs/stat.ts';
import { syncDirectory } from '../storage/fs/sync-directory.ts';
import { clearInsideQuietly } from '../storage/remove-inside.ts';
import { allowReplacing, replaceSync } from '../storage/replace/index.ts';
import { outlastTransient } from '../storage/transient/index.ts';
import { Date } from '../time/time.ts';
import type { Turn } from './call.ts';
import type { Layout } from './layout.ts';
import type { EntryRecord, FailureMarks, PresentRecord } from './record.ts';
import { closedAt, refused } from './refused.ts';

/** Bytes that are complete and right, in a file of the key's own that is closed, synced, and has its mode and time. */
export interface Made extends Pick<Stats, 'dev' | 'ino'> {
  readonly path: string;
  readonly size: number;
  readonly digests: Digests & { readonly sha256: string };
  /** The time it has, milliseconds: by another one, a later write is told. */
  readonly mtime: number;
}

/** The turn of a call that publishes. */
export type Publishing = Pick<Turn, 'layout' | 'locks' | 'lock' | 'timeout' | 'signal'>;

/** Milliseconds to wait at least for a prune that removes content: the bytes are made, and would be made again. */
export const LEAST_STORE_WAIT = 60_000;
export const CONTENT_MODE = 0o444;

/**
 * Publishes bytes as the entry of a key. P is this process, which holds the key's lock K; S is the store's lock. The steps
 * are numbered on from those of `produce`.
 *
 *  5. The content has its mode and its time, and is closed: nobody writes it any more. K is looked at: without it, another
 *     may publish, and nothing of P's is shown. P dies: the bytes lie complete in `partial`; the next fetch of the key
 *     takes them from there, or starts over.
 *  6. S, shared: a prune, which has it exclusively, sees a content without a record either before step 6 or not at all.
 *     The record is written first: a file beside the partial, synced. It may find no room on the disk, and a content that
 *     had its name by then could not be taken back: another publisher may count on it. P dies: as in step 5.
 *  7. Rename to the name of the digest. What is there already is kept instead if it can be trusted and its hash is right,
 *     for mirrors may be links to it, and the records of other keys name its time. It was hashed before S, which would
 *     keep all others waiting: removed, replaced or touched since, it is replaced. So is what is wrong, and a mirror
 *     that is a link to that is one no more. Two that publish one content at once both rename, and both have the right
 *     bytes: the record of one may name the time of the other's, which costs a hash. A producer that goes on may have
 *     replaced its temp: what was moved is looked at, and put aside if nobody has hashed it. The name cannot be replaced, as
 *     under a mount: P fails, and serves nothing. P dies: a content without a record, which a prune removes after its
 *     time of grace.
 *  8. K is looked at again, and the record is renamed over the old one: the commit. P dies before: the old entry, and what
 *     is in `partial` goes with the next fetch of the key. After: the new one. Then both directories are synced. Power is
 *     lost in between: whichever of the two names is on the disk, a record without its content is a miss, and a content
 *     without a record is litter.
 *  9. The mirror (`mirror.ts`). P dies before: the new entry with the old mirror, which the next fetch replaces.
 * 10. K is released. The record names the content it replaced and when, so that a prune counts its grace from there.
 *  P is stopped anywhere: it holds K, the others wait. K's file is replaced meanwhile: steps 5 and 8 show nothing.
 */
export async function publish(
  { layout, locks, lock, timeout, signal }: Publishing,
  made: Made,
  recordFor: (mtime: number) => PresentRecord,
): Promise<PresentRecord> {
  const { sha256 } = made.digests;
  const terms = { mode: 'shared', timeout: Math.max(timeout, LEAST_STORE_WAIT), signal } as const;
  const content = layout.contentOf(sha256);
  const right = await rightContent(layout, content, made);
  lock.assertHeld();
  const publishing = locks.with(layout.storeLock, terms, async () => {
    lock.assertHeld(); // else what lies there may be of whoever has it now
    const isKept = right !== undefined && isSame(right, lstatOrNothing(content));
    const record = recordFor(isKept ? right.mtimeMs : made.mtime);
    const path = layout.recordOf(record.key);
    const written = await writeRecord(layout, record.key, record, path);
    const isNew = lstatOrNothing(dirname(content))?.isDirectory() !== true;
    try {
      if (isKept) rmSync(made.path, { force: true });
      else await move(layout, content, made, record.key);
    } catch (error) {
      unlinkQuietly(written);
      throw inTheWay(layout, content, error);
    }
    await show(layout, record.key, written, path, () => lock.assertHeld());
    await named(layout, record.key, [dirname(content), ...(isNew ? [layout.contents] : [])]);
    clearInsideQuietly(layout.directory, dirname(made.path)); // what stays there goes with a later fetch, or a prune
    return record;
  });
  return publishing.catch((error: unknown) => {
    throw refused(layout, error);
  });
}

/** Has a content be under its name, whatever was there: the very file that was hashed. */
async function move(layout: Layout, content: string, made: Made, key: string): Promise<void> {
  const isMade = (at: Stats | undefined) => at === undefined || (at.ino === made.ino && at.dev === made.dev);
  if (!isMade(lstatOrNothing(made.path))) throw ProducerError.ofWriting(key);
  makeOwnDirectory(dirname(content));
  clearPlace(layout, content);
  await outlastTransient(() => {
    allowReplacing(content);
    return promises.rename(made.path, content);
  });
  if (isMade(lstatOrNothing(content)) || (await rightContent(layout, content, made)) !== undefined) return;
  putAside(layout, content);
  throw ProducerError.ofWriting(key);
}

/** Step 8, of a record whose content is there. */
export async function commit(layout: Layout, lock: Lock, record: EntryRecord): Promise<void> {
  try {
    await put(layout, record.key, layout.recordOf(record.key), record, () => lock.assertHeld());
    await named(layout, record.key);
  } catch (error) {
    throw refused(layout, error);
  }
}

/** The names of a record and of what it counts on are on the disk. */
async function named(layout: Layout, key: string, alongside: readonly string[] = []): Promise<void> {
  await Promise.all([layout.entries, ...alongside].map((directory) => synced(layout, directory)));
  removeIfEmpty(layout.partialOf(key));
}

/** A want of descriptors passes. @throws {CacheDirectoryError} for what does not: what was put there is there all the same. */
async function synced(layout: Layout, directory: string): Promise<void> {
  try {
    await outlastTransient(() => syncDirectory(directory));
  } catch (error) {
    const code = systemCode(error);
    const problem = `has the entry, which a power loss may undo: ${directory} was not synced (${code}). Fetch it again`;
    throw code === undefined ? error : new CacheDirectoryError(layout.directory, problem, error);
  }
}

/** Has a file of a key hold a value, whole or not at all. Its bytes are synced, its name is not. */
export async function put(
  layout: Layout,
  key: string,
  path: string,
  value: EntryRecord | FailureMarks,
  isAllowed: () => void = () => {},
): Promise<void> {
  await show(layout, key, await writeRecord(layout, key, value, path), path, isAllowed);
}

/** Writes it beside the partial of its key, synced; says where. `path`: what it is for, which errors name. */
async function writeRecord(
  layout: Layout,
  key: string,
  value: EntryRecord | FailureMarks,
  path: string,
): Promise<string> {
  const temporary = join(layout.partialOf(key), 'record');
  const complete = (fd: number) => completeFile(fd, temporary, layout.fileMode);
  try {
    await outlastTransient(() => {
      makeOwnDirectory(layout.partialOf(key));
      rmSync(temporary, { force: true });
      return writeSynced(temporary, Buffer.from(`${JSON.stringify(value)}\n`), 0o600, complete);
    });
    return temporary;
  } catch (error) {
    throw withoutIt(layout, key, temporary, path, error);
  }
}

/** Has what was written be at its path. */
async function show(
  layout: Layout,
  key: string,
  temporary: string,
  path: string,
  isAllowed: () => void,
): Promise<void> {
  try {
    isAllowed();
    clearPlace(layout, path);
    await outlastTransient(() => promises.rename(temporary, path));
  } catch (error) {
    throw withoutIt(layout, key, temporary, path, error);
  }
}

function withoutIt(layout: Layout, key: string, temporary: string, path: string, error: unknown): unknown {
  unlinkQuietly(temporary);
  removeIfEmpty(layout.partialOf(key));
  return explained(error, path);
}

/**
 * The modification time a content gets: this second, and a fraction that follows from its digest. So a content that was
 * touched is told from one that was not without its record, and two versions of equal size, published in one tick of the
 * file system's clock, differ for a mirror that is a copy.
 */
export function stampedTime(sha256: string): number {
  return Math.floor(Date.now() / 1000) + fractionOf(sha256) / 1e6;
}

/** Microseconds. */
function fractionOf(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 8), 16) % 1_000_000;
}

/** Whether a file has the time that a content of this digest gets, as every mirror that is a copy has it too. */
export function isStamped({ mtimeMs }: Stats, sha256: string): boolean {
  return Math.abs((Math.round(mtimeMs * 1000) % 1_000_000) - fractionOf(sha256)) <= 1;
}

/** What is at the name of a content, if it was left by somebody trusted, and has the right bytes. */
async function rightContent(
  layout: Layout,
  path: string,
  { size, digests }: Made,
): Promise<Stats | undefined> {
  const stats = lstatOrNothing(path);
  if (stats?.isFile() !== true || stats.size !== size || !layout.trusts(stats)) return undefined;
  const hashed = await hashFile(path).catch(() => undefined); // what cannot be read is replaced
  return hashed?.digests.sha256 === digests.sha256 ? stats : undefined;
}

/** The error of a rename to a name that is taken by what cannot be replaced: a file that is mounted there, or immutable. */
function inTheWay(layout: Layout, path: string, error: unknown): unknown {
  if (error instanceof ProducerError) return error;
  const code = systemCode(error);
  if (code === undefined || isFull(code) || lstatOrNothing(path) === undefined) return explained(error, path);
  if (closedAt(layout, path) !== undefined) return error;
  const problem = `has a damaged file that cannot be replaced (${code}): remove ${path}, or ${ANOTHER}`;
  return new CacheDirectoryError(layout.directory, problem, error);
}

/** Puts aside what a rename could not replace: a directory in the place of a file. */
function clearPlace(layout: Layout, path: string): void {
  if (lstatOrNothing(path)?.isDirectory() === true) putAside(layout, path);
}

/** Moves what must not be served any more out of the way, if it is still there, for a person to look at until a prune removes it. */
export function putAside(layout: Layout, path: string): void {
  const name = `${basename(dirname(path))}${basename(path)}-${randomBytes(4).toString('hex')}`;
  try {
    makeOwnDirectory(layout.bad);
    inside(layout.directory, path, (same) => replaceSync(same, join(layout.bad, name)));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || lstatOrNothing(path) !== undefined) {
      throw explained(refused(layout, error), path);
    }
  }
}
