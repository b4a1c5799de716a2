import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  openSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { systemCode } from '../errors/base.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { READ_SAFELY, SAFELY } from '../storage/fs/open-flags.ts';
import { closeQuietly } from '../storage/fs/quietly.ts';
import { isSame, lstatOrNothing } from '../storage/fs/stat.ts';
import { Date } from '../time/time.ts';
import type { Layout, RecordRead } from './layout.ts';
import { type EntryRecord, isPresent, LONGEST_RECORD, type PresentRecord, parseRecord } from './record.ts';

/**
 * What is seen of a key without its lock. `good`: there, and nobody has touched the content since it was published.
 * `touched`: there, but only its hash can tell whether it is still right. `none`: nothing to serve.
 */
export type Sight =
  | { readonly state: 'good' | 'touched'; readonly record: PresentRecord; readonly path: string }
  | { readonly state: 'none'; readonly record: EntryRecord | undefined };

const buffer = Buffer.allocUnsafeSlow(LONGEST_RECORD);
/** Milliseconds. */
const AT_REST = 3_000;
/** Milliseconds between two notes of an entry's use: a use is a write to the disk otherwise. */
export const USE_NOTED = 600_000;

/**
 * Looks at a key. Synchronous calls only, and no lock: a record is replaced in one step, and a content never changes
 * under its name. One that is removed between the two looks is none, which the caller then finds out under the lock.
 */
export function look(layout: Layout, key: string): Sight {
  const place = layout.placeOf(key);
  const found = readRecord(layout, place.path, key, place.read);
  const now = Date.now();
  if (found !== place.read) place.read = place.wasRead && isAtRest(found, now) ? found : undefined;
  place.wasRead = true;
  const record = found?.record;
  if (found === undefined || !isPresent(record)) return { state: 'none', record };
  const content = layout.contentOf(record.content);
  const stats = lstatOrNothing(content);
  if (stats === undefined || !stats.isFile() || stats.size !== record.size || !layout.trusts(stats)) {
    return { state: 'none', record };
  }
  if (!isUseNoted(place.path, found, now)) return look(layout, key);
  return { state: isUntouched(record, stats) ? 'good' : 'touched', record, path: content };
}

function isUntouched({ mtime }: EntryRecord, { mtimeMs, mode }: Stats): boolean {
  return mtimeMs === mtime && ((mode & 0o444) === 0o444 || process.getuid === undefined);
}

/**
 * A record, with the time of its last use as that of its file; undefined when there is none that could be trusted. `before`:
 * how it was read the last time, which is given again for a file that has not been replaced since.
 */
export function readRecord(
  layout: Layout,
  path: string,
  key?: string,
  before?: RecordRead,
): RecordRead | undefined {
  return reading(path, (fd) => {
    const stats = fstatSync(fd);
    if (!stats.isFile() || !layout.trusts(stats)) return undefined;
    if (before !== undefined && isSame(before.stats, stats)) return before;
    if (stats.size > LONGEST_RECORD) return undefined;
    const length = readSync(fd, buffer, 0, stats.size, 0); // asking for more than there is takes longer
    const record = parseRecord(buffer.toString('utf8', 0, length), key);
    if (record === undefined) return undefined;
    const { dev, ino, size, ctimeMs, mtimeMs } = stats;
    return { record, stats: { dev, ino, size, ctimeMs, mtimeMs } };
  });
}

/**
 * Whether what replaces a record that was read can be told from it by `isSame`: an inode comes again for the next record but
 * one, and a file system's clock stands still for up to two seconds, so both may be of one time while that one is young.
 */
function isAtRest(found: RecordRead | undefined, now: number): boolean {
  return found !== undefined && now - found.stats.ctimeMs >= AT_REST;
}

/** Undefined for what cannot be opened or read, such as a directory. Waits for nobody, whatever it is. @throws EMFILE and the like. */
function reading<T>(path: string, body: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, READ_SAFELY);
  } catch (error) {
    if (isExhaustion(systemCode(error) ?? '')) throw error; // nobody knows whether it is there
    return undefined;
  }
  try {
    return body(fd);
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/**
 * The modification time of a record is when its entry was last used, to within ten minutes. False where the record was
 * removed or replaced by then: a prune, which looks at that time before it removes a record and after, has not seen this use.
 */
function isUseNoted(path: string, { stats }: RecordRead, now: number): boolean {
  if (Math.abs(now - stats.mtimeMs) < USE_NOTED) return true;
  const isNoted = reading(path, (fd) => {
    if (!isSame(stats, fstatSync(fd))) return false;
    try {
      futimesSync(fd, now / 1000, now / 1000);
    } catch {
      rewriteFirstByte(path);
    }
    return fstatSync(fd).nlink > 0;
  });
  return isNoted === true;
}

/** A record of another user's: who may write it may only set its time by writing. */
function rewriteFirstByte(path: string): void {
  try {
    const fd = openSync(path, constants.O_WRONLY | SAFELY);
    try {
      writeSync(fd, '{', 0);
    } finally {
      closeQuietly(fd);
    }
  } catch {
    // A directory that this user may only read: its owner's uses count.
  }
}
