import { mkdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { isRoot } from './fs/pinned.ts';
import { completeDirectory, differs, type Rights, STICKY } from './fs/rights.ts';
import { lstatOrNothing, statOrNothing } from './fs/stat.ts';

const WORLD_WRITABLE = 0o002;

/**
 * Who a directory is for: its user alone (0700), everybody on the machine (1777, below directories of mode 0755),
 * whoever may use the directory it is made in, or whom a mode says.
 */
export type Audience = 'owner' | 'everyone' | 'as its parent' | { readonly mode: number };

/**
 * Makes a directory and its parents; returns normally when it is there already, whoever made it. What it makes has the
 * same mode under every umask. Made by root, it belongs to the owner of the nearest directory that was there. Tells the
 * topmost directory that this call made; undefined where it made none.
 */
export function makeDirectory(path: string, audience: Audience): string | undefined {
  return makeAll(path, audience, audience === 'everyone' ? 'below everyone' : audience);
}

/** A directory of one's own, for whom its parent is: a file or a link that stands in its place is removed. */
export function makeOwnDirectory(path: string): void {
  if (lstatOrNothing(path)?.isDirectory() === false) unlinkSync(path);
  makeDirectory(path, 'as its parent');
}

type Step = Audience | 'below everyone';

function makeAll(path: string, audience: Step, above: Step): string | undefined {
  // Not mkdir's own `recursive`, which in Node.js 20 never returns below a directory that takes no entries (/proc).
  try {
    return makeOne(path, audience);
  } catch (error) {
    const parent = dirname(path);
    if (systemCode(error) !== 'ENOENT' || parent === path) throw error;
    const topmost = isDirectory(parent) ? undefined : makeAll(parent, above, above);
    const made = makeOne(path, audience); // also where somebody else has just made the parent
    return topmost ?? made;
  }
}

/** The path, if this call made it. */
function makeOne(path: string, audience: Step): string | undefined {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (!isDirectory(path)) throw error;
    return undefined;
  }
  const found = lstatOrNothing(path);
  const rightsIn = (parent: string) => rightsBelow(parent, audience);
  if (found !== undefined && differs(found, rightsIn(dirname(path))))
    completeDirectory(path, 'followed', rightsIn);
  return path;
}

const MODES = { owner: 0o700, everyone: 0o1777, 'below everyone': 0o755 };
/** For a directory in one that is everybody's, as /tmp is; one that is sticky for a group is that group's. */
const OWN = 0o755;

function rightsBelow(parent: string, audience: Step): Rights {
  const above = statOrNothing(parent);
  if (above === undefined) return { uid: undefined, gid: undefined, mode: OWN };
  const owner = isRoot() ? { uid: above.uid, gid: above.gid } : { uid: undefined, gid: undefined };
  if (typeof audience === 'object') return { ...owner, mode: audience.mode };
  if (audience !== 'as its parent') return { ...owner, mode: MODES[audience] };
  const isEverybodys = (above.mode & STICKY) !== 0 && (above.mode & WORLD_WRITABLE) !== 0;
  if (isEverybodys) return { ...owner, mode: OWN };
  return { uid: owner.uid, gid: above.gid, mode: (above.mode & 0o2777) | 0o700 };
}

function isDirectory(path: string): boolean {
  return statOrNothing(path)?.isDirectory() === true;
}

/**
 * Whether other users could replace what lies in this directory: it is world-writable without the sticky bit, or with
 * the bit but owned by neither root nor this user. Returns what is wrong, or undefined. Says nothing about Windows,
 * where modes carry no such meaning.
 */
export function unsafeDirectory(path: string): string | undefined {
  if (process.getuid === undefined) return undefined;
  const stats = statOrNothing(path); // through links: the mode of a link itself says nothing
  if (stats === undefined || (stats.mode & WORLD_WRITABLE) === 0) return undefined;
  if ((stats.mode & STICKY) === 0) {
    return 'is a directory that every user can change (mode without the sticky bit), so any user could swap lock files';
  }
  if (stats.uid !== 0 && stats.uid !== process.getuid()) {
    return `is a directory shared by all users and owned by user id ${stats.uid}, who could swap lock files`;
  }
  return undefined;
}
