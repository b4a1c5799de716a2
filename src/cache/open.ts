import { accessSync, constants, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { adviceOn } from '../errors/advice.ts';
import { systemCode } from '../errors/base.ts';
import { ANOTHER, CacheDirectoryError } from '../errors/cache-errors.ts';
import { printable, shellWord } from '../errors/describe.ts';
import { makeDirectory, unsafeDirectory } from '../storage/directory.ts';
import { writeDurably } from '../storage/durable.ts';
import { isRoot } from '../storage/fs/pinned.ts';
import { completeFile, STICKY } from '../storage/fs/rights.ts';
import { lstatOrNothing, mayBeThere, statOrNothing } from '../storage/fs/stat.ts';
import { readBeginning } from '../storage/regular-file.ts';
import { absolute } from '../storage/working-directory.ts';
import { ensureWritableDirectory } from '../storage/writable-directory.ts';
import { Layout, OF_PARTIAL, OF_RECORD, SHARED } from './layout.ts';
import { divided, unreadable, unwritable } from './refused.ts';

const EVERYBODY = 0o002;
const FORMAT = /^holdfast-cache (\d+)(?:\.\d+)?\n/;
/** What a cache has, or another process that opens it at the same time, or the root of a disk. */
const OWN_NAME = /^(CACHEDIR\.TAG|locks|entries|partial|content|\.holdfast-.*|lost\+found)$/;
const OF_CONTENTS = /^(sha256|bad)$/;
const OWN_FORMAT = 'holdfast-cache 1\n';
const MAJOR = '1';
const TAG = `Signature: 8a477f597d28d172789f06886806bc55
# This directory holds what can be fetched again: backups may skip it. https://bford.info/cachedir/
`;

/**
 * Finds or makes the directory of a cache. One that can only be read is opened as it is.
 *
 * @throws {CacheDirectoryError} it is of another format, any user could change it, or it cannot be made.
 */
export async function openLayout(directory: string, access: 'owner' | 'shared'): Promise<Layout> {
  const path = absolute(directory);
  try {
    const found = statOrNothing(path);
    if (found === undefined) {
      const mode = access === 'owner' ? 0o700 : 0o777 & ~process.umask();
      refuseOpen(path, { mode, uid: isRoot() ? ownerAbove(path) : process.getuid?.() });
      makeDirectory(path, { mode });
    }
    if (found?.isDirectory() === false) throw new CacheDirectoryError(path, `is no directory: ${ANOTHER}`);
    refuseOpen(path, statOrNothing(path));
    const layout = new Layout(path);
    if (!isFormatted(layout.directory)) await format(layout);
    return layout;
  } catch (error) {
    const code = systemCode(error);
    if (error instanceof CacheDirectoryError || code === undefined) throw error;
    throw new CacheDirectoryError(
      path,
      `cannot be used: ${code}. ${adviceOn(path, code, error, { others: [ANOTHER] })}`,
      error,
    );
  }
}

interface Access {
  readonly mode: number;
  readonly uid: number | undefined;
}

/** @throws {CacheDirectoryError} every user could change what is served from this directory, which is there or to be made. */
function refuseOpen(path: string, stats: Access | undefined): void {
  if (process.getuid === undefined || stats === undefined) return;
  // With the sticky bit others can replace nothing, and still rewrite what follows the mode of the directory.
  if ((stats.mode & EVERYBODY) !== 0) {
    const isThere = lstatOrNothing(path) !== undefined;
    const own = isThere ? 'make one of your own in it' : 'set a umask such as 022 before';
    const next = unsafeDirectory(path) === undefined ? `${own}, or ${ANOTHER}` : ANOTHER;
    const problem = `${isThere ? 'can' : 'could'} be written by every user, who could change what others are served`;
    throw new CacheDirectoryError(path, `${problem}: ${next}`);
  }
  const isLink = lstatOrNothing(path)?.isSymbolicLink() === true;
  const parent = [path, ...(isLink ? [realpathSync(path)] : [])].map((each) => dirname(each)).find(isOpen);
  if (parent === undefined || (!isLink && isOnlyOurs(stats))) return;
  throw new CacheDirectoryError(
    path,
    `lies in ${printable(parent)}, where every user could put another one in its place: set the sticky bit there ` +
      `(chmod +t ${shellWord(parent)}), or ${ANOTHER}`,
  );
}

/** As many a directory in a container is, where there is nobody else. */
function isOpen(directory: string): boolean {
  const mode = statOrNothing(directory)?.mode ?? 0;
  return (mode & EVERYBODY) !== 0 && (mode & STICKY) === 0;
}

/** Nobody else can put one like it there, and what others write is not believed in it. */
function isOnlyOurs({ mode, uid }: Access): boolean {
  return (uid === 0 || uid === process.getuid?.()) && (mode & SHARED) === 0;
}

/** Whose a directory becomes that root makes. */
function ownerAbove(path: string): number | undefined {
  const above = dirname(path);
  return statOrNothing(above)?.uid ?? (above === path ? undefined : ownerAbove(above));
}

/** @throws {CacheDirectoryError} for a format of another major version; a later minor one can be read. */
function isFormatted(directory: string): boolean {
  const text = formatIn(directory);
  if (text === '' && lstatOrNothing(join(directory, 'format')) === undefined) return false;
  const major = FORMAT.exec(text)?.[1];
  if (major === MAJOR) return true;
  const what = major === undefined ? 'another program made, or a damaged one' : `version ${major}`;
  throw new CacheDirectoryError(
    directory,
    `has a format that this version does not know (${what}): ${ANOTHER}, or the Holdfast that made it`,
  );
}

function formatIn(directory: string): string {
  const path = join(directory, 'format');
  try {
    return readBeginning(path, 64);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw unreadable(directory, 'file', path, error, code);
  }
}

/** Whether there may be a cache at a path: what only looks into one makes none where there is none. */
export function mayBeCache(directory: string): boolean {
  if (statOrNothing(directory)?.isDirectory() !== true) return mayBeThere(directory);
  return ['format', 'entries'].some((part) => mayBeThere(join(directory, part)));
}

/** Several processes at once write the same. A directory that cannot be written is empty for whoever only reads. */
async function format(layout: Layout): Promise<void> {
  const { directory, fileMode } = layout;
  await ensureWritableDirectory(directory, 'as its parent');
  // In a directory of other things, such as a home, a backup would skip those as well.
  const tag = holdsNothingElse(layout) ? { 'CACHEDIR.TAG': TAG } : {};
  refuseLinks(layout);
  for (const part of partsOf(layout)) makeDirectory(part, 'as its parent');
  for (const [name, text] of Object.entries({ ...tag, format: OWN_FORMAT })) {
    const path = join(directory, name);
    const complete = (fd: number, made: string) => completeFile(fd, made, fileMode);
    if (lstatOrNothing(path) === undefined) await writeDurably(path, Buffer.from(text), 0o600, complete);
  }
}

function holdsNothingElse({ directory, entries, partials, contents }: Layout): boolean {
  const only = (path: string, name: RegExp) =>
    lstatOrNothing(path) === undefined || readdirSync(path).every((each) => name.test(each));
  const parts = [only(entries, OF_RECORD), only(partials, OF_PARTIAL), only(dirname(contents), OF_CONTENTS)];
  return only(directory, OWN_NAME) && !parts.includes(false);
}

/** The directories that a fetch counts on. */
function partsOf(layout: Layout): readonly string[] {
  return [layout.locks, layout.entries, layout.partials, layout.contents];
}

/** @throws {CacheDirectoryError} a part is a link: what is made and removed there would lie in somebody else's directory. */
function refuseLinks(layout: Layout): void {
  for (const part of [...partsOf(layout), dirname(layout.contents)]) {
    const found = lstatOrNothing(part);
    if (found?.isSymbolicLink() !== true) continue;
    const owner = found.uid === 0 ? 'root' : `user id ${found.uid}`;
    const problem = `has a link of ${owner} in the place of a directory of its own: remove ${printable(part)}, or ${ANOTHER}`;
    throw new CacheDirectoryError(layout.directory, problem);
  }
}

/** Before something is fetched: all parts are there again, whoever removed them. @throws {CacheDirectoryError} */
export function makeReady(layout: Layout): void {
  if (statOrNothing(layout.directory) === undefined) {
    throw new CacheDirectoryError(layout.directory, 'was removed while it was open: open it again');
  }
  refuseLinks(layout);
  try {
    for (const part of partsOf(layout)) makeDirectory(part, 'as its parent');
    // Asked and not tried: a probe would be left by a process that dies here.
    for (const part of partsOf(layout)) accessSync(part, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw unwritable(layout, error, code);
  }
  refuseDivided(layout);
}

/** Before a download, which would be in vain. @throws {CacheDirectoryError} */
function refuseDivided(layout: Layout): void {
  const { directory, partials, contents, entries } = layout;
  const drive = statOrNothing(directory)?.dev;
  const part = [partials, dirname(contents), contents, entries].find(
    (each) => statOrNothing(each)?.dev !== drive,
  );
  if (part !== undefined) throw divided(layout, printable(part));
}
