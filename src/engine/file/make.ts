import { constants, fstatSync, lstatSync, mkdirSync, openSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { type Audience, makeDirectory } from '../../storage/directory.ts';
import { O_TMPFILE, SAFELY } from '../../storage/fs/open-flags.ts';
import { isRoot, pinned } from '../../storage/fs/pinned.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { completeDirectory, differs, type Rights, setRights } from '../../storage/fs/rights.ts';
import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { Date } from '../../time/time.ts';
import type { LockRequest } from '../engine.ts';
import { type LockRights, rightsOf, type Subject } from './rights.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;

/** Makes the directory that a lock lies in, with its parents. @throws the system's error. */
export function makeHome({ path, beside, access, home }: Subject & Pick<LockRequest, 'home'>): void {
  const audience: Audience =
    beside !== undefined ? 'as its parent' : access === 'everyone' ? 'everyone' : 'owner';
  const made = makeDirectory(dirname(path), audience);
  if (made !== undefined && home !== undefined) home.made = made;
}

/**
 * Makes a directory of a lock, for the files of all who use it, or finds it there, whoever made it. Tells what stands
 * there now, which may be anything; undefined where it is gone again.
 *
 * Trace (M makes it, A another user; the umask of M is narrow):
 *  1. M makes the directory, with no more rights than it will have. A may be refused for this instant; see `patiently`.
 *  2. M opens it, sees that it is M's own and new, and gives it its rights by the descriptor. Whoever may rename in the
 *     directory around it may have put a link, or another directory, in its place: that one is not new, or not M's.
 *  M dead between 1 and 2: it stays narrow until the next one of M's user finishes it, which it does while it is empty.
 *
 * @throws the system's error.
 */
export function makeBeside(
  subject: Subject,
  path: string,
  { rights: { directory: rights } = rightsOf(subject), seen }: Beforehand = {},
): Stats | undefined {
  const isMade = seen === undefined && mkdir(path, withoutForeignGroup(rights));
  const found = seen ?? lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !(isMade ? differs(found, rights) : isUnfinished(found, rights))) return found;
  completeDirectory(
    path,
    linkAt(subject, path),
    (parent) => rightsOf(seenFrom(subject, path, parent)).directory,
  );
  return lstatSync(path, { throwIfNoEntry: false });
}

/** What whoever makes a directory has found out already. */
interface Beforehand {
  readonly rights?: LockRights;
  /** What stands there. */
  readonly seen?: Stats | undefined;
}

/** Whether it was made by this user, who died, or was not fast enough, to give it all the rights it is to have. */
function isUnfinished(found: Stats, rights: Rights): boolean {
  if (found.uid !== process.geteuid?.() || !found.isDirectory()) return false;
  const isForAnother = isRoot() && rights.uid !== undefined && rights.uid !== found.uid;
  return isForAnother || (rights.mode & ~found.mode & 0o707) !== 0;
}

/** Until it has the right group, its group has no rights. */
function withoutForeignGroup({ gid, mode }: Rights): number {
  return gid === undefined || gid === process.getegid?.() ? mode & 0o777 : mode & 0o707;
}

function mkdir(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Gives a file of a lock, which this process has just made at a path and has open, the rights it is to have, past the
 * umask. As root, only while it still stands where it was made: `path` may lead elsewhere by now, and then what it was
 * to belong to was looked up elsewhere.
 */
export function complete<S extends Subject>(
  fd: number,
  path: string,
  subject: S,
  { decide = fileRights, rights = decide(subject), found = fstatSync(fd) }: Known<S> = {},
): void {
  if (!differs(found, rights)) return;
  if (!isRoot()) {
    setRights(fd, rights, found);
    return;
  }
  try {
    pinned(dirname(path), { link: linkAt(subject, path) }, (parent) => {
      const named = lstatOrNothing(join(parent, basename(path)));
      if (named?.dev !== found.dev || named.ino !== found.ino) return;
      setRights(fd, decide(seenFrom(subject, path, parent)), found);
    });
  } catch {
    // Its directory is gone, and it with that.
  }
}

/** How it is decided who may do what with a file, and what is known of that, and of the file, already. */
interface Known<S extends Subject> {
  readonly decide?: (subject: S) => Rights;
  readonly rights?: Rights;
  readonly found?: Stats;
}

function fileRights(subject: Subject): Rights {
  return rightsOf(subject).file;
}

/** Gives an open file without a name this one, if nothing stands there. 0, or a negative errno. */
export type GiveName = (fd: number, path: string) => number;

/**
 * Makes a file of a lock at a path where nothing stands, with all its rights, and opens it.
 *
 * `giveName`: the file is complete before anybody can see it, where the file system makes files without a name. Trace (M
 * makes it, A another user; the umask of M is narrow):
 *  1. M opens a file without a name, and gives it its rights. 2. M gives it its name, which fails where something stands.
 *  M stopped before 2: A finds nothing, and makes the file. M dead before 2: the file is gone. After: it is complete.
 * Elsewhere A may be refused while M is between making it and giving it its rights; see `patiently`.
 *
 * @throws the system's error.
 */
export function makeFile(
  subject: Subject,
  path: string,
  { giveName, rights: { file: rights } = rightsOf(subject) }: Making = {},
): number {
  const whole =
    giveName !== undefined && isForOthers(rights) ? makeWhole(subject, path, giveName) : undefined;
  if (whole !== undefined) return whole;
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | SAFELY, 0o600);
  try {
    complete(fd, path, subject, { rights });
    return fd;
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
}

/** What whoever makes a file has at hand. */
interface Making {
  readonly giveName?: GiveName | undefined;
  readonly rights?: LockRights;
}

function isForOthers({ uid, mode }: Rights): boolean {
  return (mode & 0o077) !== 0 || (isRoot() && uid !== undefined && uid !== 0);
}

/** Undefined where there are no files without a name, or anything else is in the way: then making it in place tells what. */
function makeWhole(subject: Subject, path: string, giveName: GiveName): number | undefined {
  let fd: number | undefined;
  let result: number | undefined;
  try {
    pinned(dirname(path), { link: linkAt(subject, path) }, (parent) => {
      fd = openSync(parent, O_RDWR | O_TMPFILE, 0o600);
      setRights(fd, fileRights(seenFrom(subject, path, parent)));
      result = giveName(fd, join(parent, basename(path)));
    });
  } catch {
    // As for any other result than 0.
  }
  if (fd === undefined || result === 0) return fd;
  closeQuietly(fd);
  return undefined;
}

/** A user may give the directory of a lock by a link; those that Holdfast makes in it are none. */
function linkAt(subject: Subject, path: string): 'followed' | 'refused' {
  return dirname(subject.path) === dirname(path) ? 'followed' : 'refused';
}

/** The subject as it is found from the pinned directory of a path, if that is the very directory the lock lies in. */
function seenFrom<S extends Subject>(subject: S, path: string, parent: string): S {
  if (dirname(subject.path) !== dirname(path)) return subject;
  const { beside } = subject;
  const isBeside = beside !== undefined && dirname(beside) === dirname(path);
  return {
    ...subject,
    path: join(parent, basename(subject.path)),
    ...(isBeside ? { beside: join(parent, basename(beside)) } : {}),
  };
}

/** Milliseconds. */
const MAKING = 1000;

/**
 * Runs a call that another user's file or directory may refuse only because it was made in this very instant, and its
 * rights are not what they will be. Tries again for as long as it looks so, for a second after it was made at most.
 * `rights`: what they will be; who is refused by these is not kept waiting.
 */
export function patiently<T>(path: string, call: () => T, rights?: () => Rights): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (systemCode(error) !== 'EACCES') throw error;
    }
    if (!isBeingMade(path, rights)) return call(); // it may have been finished since
    sleepSync(1);
  }
}

function isBeingMade(path: string, rights?: () => Rights): boolean {
  const found = lstatOrNothing(path);
  if (found === undefined || Math.abs(Date.now() - (found.birthtimeMs || found.ctimeMs)) > MAKING)
    return false;
  if (!found.isDirectory() && !(found.isFile() && found.size === 0)) return false;
  return rights === undefined || differs(found, rights());
}
