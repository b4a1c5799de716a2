import { constants, lstatSync, promises, readlinkSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { adviceOn } from '../errors/advice.ts';
import { HoldfastError, systemCode } from '../errors/base.ts';
import { MirrorError } from '../errors/cache-errors.ts';
import type { Lock } from '../lock/lock.ts';
import { makeDirectory } from '../storage/directory.ts';
import { READ_SAFELY, SAFELY } from '../storage/fs/open-flags.ts';
import { isRoot } from '../storage/fs/pinned.ts';
import { unlinkQuietly } from '../storage/fs/quietly.ts';
import { lstatOrNothing, statOrNothing } from '../storage/fs/stat.ts';
import { syncDirectory } from '../storage/fs/sync-directory.ts';
import { allowReplacing } from '../storage/replace/index.ts';
import { outlastTransient } from '../storage/transient/index.ts';
import type { MirroredBy } from './entry.ts';
import type { Layout } from './layout.ts';
import { temporaryOf } from './mirror-temporary.ts';
import type { MirrorMode } from './options.ts';
import type { PresentRecord } from './record.ts';

/** What says that this way is not available here, and another one may be. */
const UNAVAILABLE = /^(EXDEV|EMLINK|EPERM|EACCES|ENOTSUP|EOPNOTSUPP|EINVAL|ENOSYS|ENOTTY|EAGAIN)$/;
/** Directories of the system, and not those in memory that are for data. */
const OF_SYSTEM = /^\/(dev|proc)(?!\/shm(\/|$))(\/|$)/;
/** As many as Linux follows. */
const MOST_LINKS = 40;
const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;

/**
 * Has a path hold the content of an entry, and says how. For who holds the key's lock, so that the content cannot be
 * replaced or pruned meanwhile; without a lock only where this user cannot write in the cache. P is this process.
 *
 *  1. What is there already and right is kept. A copy is right when its size and time are the content's, which it got at
 *     step 3; so a mirror that was edited, or is of an older entry, is not. Nor is one of another user, but for the cache's
 *     owner and root: size and time are no secret.
 *  2. A temporary file beside the target, never the target itself: a link that was planted there would be written through.
 *     Under a lock that keeps all others out, its name is this key's, cache's and target's own, and what is there was
 *     left by a process that died: it is removed. P dies from here on: the next mirror to this target removes it. Without
 *     one, others do the same at the same time: the name is this call's own, as it is where something else takes that
 *     path. P dies: one of them removes it, a day later.
 *  3. A clone, a link, or a copy with the content's time; clone and copy get the mode a new file would have, and are
 *     synced. A link stays read-only: it is the content.
 *  4. Rename, which replaces a file or a symbolic link in one step for everybody who looks. P dies: the mirror is right.
 *
 * @throws {MirrorError} the target cannot be a mirror, or the way that was asked for is not available there.
 */
export async function mirror(
  layout: Layout,
  lock: Lock | undefined,
  record: PresentRecord,
  target: string,
  mode: MirrorMode,
): Promise<MirroredBy> {
  const content = layout.contentOf(record.content);
  const source = lstatSync(content, { throwIfNoEntry: false });
  if (source === undefined) throw withoutContent(target);
  refuseTarget(layout, target);
  if (isMirror(layout, source, lstatOrNothing(target), mode)) return 'kept';
  const directory = dirname(target);
  const temporary = temporaryOf(layout, lock, record.key, target);
  try {
    makeDirectory(directory, { mode: 0o777 & ~process.umask() });
    refuseTarget(layout, target); // by its real path, now that there is one
    const by = await make(content, temporary, source, waysOf(mode, source), target);
    lock?.assertHeld();
    await outlastTransient(() => {
      allowReplacing(target);
      return promises.rename(temporary, target);
    });
    await outlastTransient(() => syncDirectory(directory));
    return by;
  } catch (error) {
    const code = systemCode(error);
    if (error instanceof HoldfastError || code === undefined) throw error;
    if (code === 'ENOENT' && lstatOrNothing(content) === undefined) throw withoutContent(target, error);
    throw new MirrorError(target, `could not be made: ${code}. ${adviceOn(target, code, error)}`, error);
  } finally {
    unlinkQuietly(temporary); // a rename between two links to one file leaves both
  }
}

/** Without a lock, nothing keeps a prune from it. */
function withoutContent(target: string, cause?: unknown): MirrorError {
  return new MirrorError(
    target,
    'could not be made: the content was removed meanwhile. Fetch it again',
    cause,
  );
}

/** What a hit needs to know: whether a mirror is right as it is. */
export function isKept(layout: Layout, content: string, target: string, mode: MirrorMode): boolean {
  const source = lstatOrNothing(content);
  return source !== undefined && isMirror(layout, source, lstatOrNothing(target), mode);
}

function isMirror(layout: Layout, source: Stats, found: Stats | undefined, mode: MirrorMode): boolean {
  if (found?.isFile() !== true || found.size !== source.size) return false;
  const isLink = found.ino === source.ino && found.dev === source.dev;
  if (isLink) return mode === 'auto' || mode === 'link';
  const isCopy = microseconds(found) === microseconds(source) && layout.trustsCopy(found);
  return isCopy && (mode !== 'link' || source.size === 0);
}

/** As exact as `utimes` sets it. */
function microseconds({ mtimeMs }: Stats): number {
  return Math.round(mtimeMs * 1000);
}

/**
 * All empty files would be one file: none is ever linked. Root links no content of another user, who could write what root
 * reads there, unless it is asked to: Linux refuses that to everybody else.
 */
function waysOf(mode: MirrorMode, { size, uid }: Stats): readonly Exclude<MirrorMode, 'auto'>[] {
  if (size === 0 && mode !== 'reflink') return ['copy'];
  if (mode !== 'auto') return [mode];
  return isRoot() && uid !== 0 ? ['reflink', 'copy'] : ['reflink', 'link', 'copy'];
}

async function make(
  content: string,
  temporary: string,
  source: Stats,
  ways: readonly Exclude<MirrorMode, 'auto'>[],
  target: string,
): Promise<Exclude<MirroredBy, 'kept'>> {
  for (const way of ways) {
    await promises.rm(temporary, { force: true });
    try {
      if (way === 'link') await promises.link(content, temporary);
      else if (way === 'reflink')
        await promises.copyFile(content, temporary, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
      else await outlastTransient(() => promises.copyFile(content, temporary, COPYFILE_EXCL));
      if (way !== 'link') await finish(temporary, source);
      return way;
    } catch (error) {
      const code = systemCode(error) ?? '';
      if (way === 'copy' || !UNAVAILABLE.test(code)) throw error;
      if (way !== ways.at(-1)) continue;
      throw new MirrorError(
        target,
        `cannot be a ${way}: ${code}. Use mirrorMode auto, which may copy`,
        error,
      );
    }
  }
  throw new MirrorError(target, 'cannot be made in any way');
}

/** A copy of what is read-only is read-only: on Windows, its times are set and synced only once it can be written. */
async function finish(path: string, { atimeMs, mtimeMs }: Stats): Promise<void> {
  const readable = await promises.open(path, READ_SAFELY);
  await readable.chmod(0o600).finally(() => readable.close());
  const file = await promises.open(path, constants.O_RDWR | SAFELY);
  try {
    await file.chmod(0o666 & ~process.umask());
    await file.utimes(atimeMs / 1000, mtimeMs / 1000);
    await file.sync();
  } finally {
    await file.close();
  }
}

function refuseTarget(layout: Layout, target: string): void {
  const parent = realOf(dirname(target));
  if (parent === layout.directory || parent.startsWith(layout.directory + sep)) {
    throw new MirrorError(target, 'lies inside the cache itself: choose a path outside');
  }
  if (isOfSystem(target)) {
    throw new MirrorError(
      target,
      'would take the place of a name in /dev or /proc, or of a link to one: choose another path',
    );
  }
  const found = lstatOrNothing(target);
  const isElsewhere = found?.isSymbolicLink() === true && statOrNothing(target)?.isFile() === false;
  if (found === undefined || found.isFile() || (found.isSymbolicLink() && !isElsewhere)) return;
  throw new MirrorError(target, 'cannot be made: there is a directory, or no file at all, in its place');
}

/**
 * Whether a path, or a link on the way from it, names a thing of the system. What stands behind says nothing: standard
 * output may be a regular file, and /dev/stdout would no longer be a link to it.
 */
function isOfSystem(target: string): boolean {
  let path = target;
  for (let links = 0; links < MOST_LINKS; links++) {
    const parent = realOf(dirname(path));
    if (OF_SYSTEM.test(parent)) return true;
    const next = linkAt(join(parent, basename(path)));
    if (next === undefined) return false;
    path = resolve(parent, next);
  }
  return false;
}

/** What a link says; undefined for anything else. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Also of one that is not made yet. */
function realOf(directory: string): string {
  try {
    return realpathSync.native(directory);
  } catch {
    const path = resolve(directory);
    return path === dirname(path) ? path : join(realOf(dirname(path)), basename(path));
  }
}
