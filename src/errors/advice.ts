import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { printable, shellWord, shown } from './describe.ts';

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room on the disk',
  EDQUOT: 'Make room in the quota of this user',
  EROFS: 'Mount its file system with write access',
  ENOENT: 'Create its directory, which does not exist',
  ENAMETOOLONG: 'Make its name or the path to it shorter',
  ELOOP: 'Fix the symbolic links in its path, which lead in a circle',
  EIO: 'Check the disk, which is failing',
  ESTALE: 'Mount its network drive again',
};

/** What is used up is so wherever a path leads. */
const USED_UP: Readonly<Record<string, string>> = {
  EMFILE: 'This process has too many files open: close some, or raise the limit (ulimit -n)',
  ENFILE: 'This machine has too many files open: close some, or raise the limit (sysctl fs.file-max)',
  ENOMEM: 'There is no memory left: end what takes much of it',
};

/** Where the system alone makes files. */
const OF_SYSTEM = /^\/(proc|sys)(?=\/|$)/;
const UNMADE = ['ENOENT', 'EACCES', 'EPERM', 'EROFS'];

/** Whose a path is: made by Holdfast for one user alone, so that it may be given to that user, or anybody's. */
export type Kept = 'for one user' | 'wherever';

/**
 * What helps where a path cannot be made, written or read, by the code of the error: a sentence without its full stop.
 * `others`: what helps, too.
 */
export function adviceOn(
  path: string,
  code: string,
  error?: unknown,
  { kept = 'wherever', others = [] }: { readonly kept?: Kept; readonly others?: readonly string[] } = {},
): string {
  const usedUp = USED_UP[code];
  if (usedUp !== undefined) return usedUp;
  const [system] = OF_SYSTEM.exec(path) ?? [];
  if (system !== undefined && UNMADE.includes(code)) {
    const next = others.length === 0 ? ['choose a directory on a disk'] : others;
    return `Nothing can be made in ${system}, which is the system's own: ${anyOf(next)}`;
  }
  return anyOf([...stepsOn(path, code, error, kept), ...others]);
}

function anyOf(steps: readonly string[]): string {
  const last = steps.at(-1);
  return steps.length === 1 ? `${last}` : `${steps.slice(0, -1).join(', ')}, or ${last}`;
}

function stepsOn(path: string, code: string, error: unknown, kept: Kept): readonly string[] {
  if (code === 'ERR_ACCESS_DENIED') return [`Start Node.js with ${missingPermission(path, error)}`];
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return [`Move ${printable(nearest(path)?.at ?? path)} away: a directory has to be there`];
  }
  const remedy = REMEDIES[code];
  return remedy === undefined ? permissionSteps(path, code, kept) : [remedy];
}

/** What Node.js' permission model was not given. With files alone it makes nothing durable: it refuses fsync. */
function missingPermission(path: string, error: unknown): string {
  const { permission = '', resource = '' } = (error ?? {}) as { permission?: string; resource?: string };
  const how = { FileSystemRead: 'read', FileSystemWrite: 'write' }[permission];
  if (how === undefined) return '--allow-addons';
  return `--allow-fs-${how}=${shellWord(resource === '' ? dirname(path) : resource)}`;
}

/**
 * Says whose it is that is in the way: most often something that a call with `sudo` has left. Only what Holdfast made may be
 * given away: the directory above can be anybody's, such as /root or /etc.
 */
function permissionSteps(path: string, code: string, kept: Kept): readonly string[] {
  const found = nearest(path);
  const user = process.getuid?.();
  if (found === undefined || user === undefined || (code !== 'EACCES' && code !== 'EPERM')) {
    return [`Find out what is wrong with ${printable(found?.at ?? path)} (${code})`];
  }
  const { at, stats } = found;
  const [name, word] = [printable(at), shellWord(at)];
  const owner = stats.uid === 0 ? 'root' : `user id ${stats.uid}`;
  const around = statsOf(dirname(at));
  if (code === 'EPERM' && around !== undefined && isOthersIn(around, stats, user)) {
    return [
      `${name} belongs to ${owner}, and in a directory such as /tmp only its owner may replace a file. Do this as ${owner}`,
    ];
  }
  if (code === 'EPERM') return [`See whether ${name} may be changed at all: lsattr -d ${word}`];
  const isOpen = (stats.mode & 0o700) === 0o700;
  if (stats.uid === user && isOpen) return [`See what in ${name} is kept from this user: ls -la ${word}`];
  if (stats.uid === user) return [`Give its user access to ${name} again: chmod u+rwX ${word}`];
  const gift = `Give it to this user (sudo chown -R ${user} ${word})`;
  const isOurs = kept === 'for one user' && at === path;
  return [
    `${name} belongs to ${owner}. ${isOurs ? gift : 'Have its owner let this user in'}`,
    `do this as ${owner}`,
  ];
}

const STICKY = 0o1000;

/** Whether a file is somebody else's in a directory where all may write, and each replaces and removes what is their own. */
function isOthersIn(directory: Stats, { uid }: Stats, user: number): boolean {
  return (directory.mode & STICKY) !== 0 && ![0, uid, directory.uid].includes(user);
}

/** The nearest to a path that can be looked at: itself, or a directory above. */
function nearest(path: string): { readonly at: string; readonly stats: Stats } | undefined {
  for (let at = path; ; at = dirname(at)) {
    const stats = statsOf(at);
    if (stats !== undefined) return { at, stats };
    if (at === dirname(at)) return undefined;
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** Where an error is read: what helps has another name there, or is not there. */
export type Face = 'library' | 'command line';

export function elsewhere(face: Face): string {
  const option = face === 'library' ? 'the directory option' : '--directory';
  return `choose another directory (HOLDFAST_HOME, or ${option})`;
}

interface Unmade {
  readonly path: string;
  readonly resource: string;
  readonly beside?: string | undefined;
}

/** A lock beside a file lies nowhere else, whatever directory is chosen: who may change the file has to be able to lock it. */
export function cannotBeMade(facts: Unmade, reason: string, cause: unknown, face: Face): string {
  const { path, resource, beside } = facts;
  const problem = `The lock file ${printable(path)} for ${shown(resource)} cannot be made: ${reason}.`;
  const others = [
    ...(beside === undefined ? [elsewhere(face)] : []),
    ...(face === 'library' && statsOf(path) === undefined ? ['set fallbackDirectory'] : []), // not past a lock that is there
  ];
  const isClosed = beside !== undefined && ['EACCES', 'EPERM', 'EROFS'].includes(reason);
  return `${problem} ${adviceOn(path, reason, cause, { others })}.${isClosed ? ' Whoever changes the file needs write access to its directory.' : ''}`;
}

/** A lock file of which not even its presence can be seen. */
export function cannotBeSeen(path: string, reason: string, cause: unknown): string {
  return `Whether ${printable(path)} is there, and locked, cannot be seen: ${reason}. ${adviceOn(path, reason, cause)}.`;
}

/** A directory that is there, and does not tell which locks are in it. */
export function cannotBeListed(directory: string, reason: string, cause: unknown): string {
  return `The locks in ${printable(directory)} cannot be read (${reason}). ${adviceOn(directory, reason, cause)}.`;
}
