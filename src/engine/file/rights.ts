import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { isRoot } from '../../storage/fs/pinned.ts';
import { type Rights, STICKY } from '../../storage/fs/rights.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import type { LockRequest } from '../engine.ts';
import { isAtHome, type Owners } from './strangers.ts';

/** What decides: where the lock is, what it is the lock of, and whom it is for. */
export type Subject = Pick<LockRequest, 'path' | 'beside' | 'access'>;

/** What everything of one lock gets: its files, and the directories that files of its users are made in. */
export interface LockRights {
  readonly file: Rights;
  readonly directory: Rights;
  /** The owner of the data, where what this user makes would keep him from the lock. */
  readonly refusedBy?: number;
}

const SETGID = 0o2000;
const GROUP = 0o060;
const OTHERS = 0o006;

/**
 * Decides whom everything that is made at a lock and beside it belongs to, and who may do what with it; for both engines.
 *
 * Guaranteed: whoever may use the data may use its lock fully. That is who may write the data, and who may replace it,
 * because the directory lets him; a directory with the sticky bit lets nobody. Who may only read the data may only read
 * here too. Where there is no data, who may write the directory counts as who may write the data.
 *
 * Of two groups, one that may replace the data and one that owns it, the files of the lock can have one: the first. Who is
 * not in that can make none, and whoever is makes all of them for the same group.
 *
 * Made by root, it belongs to the owner of the data, or, where that is root or there is none, of the directory.
 */
export function rightsOf({ path, beside, access }: Subject): LockRights {
  if (access === 'everyone') return both({ uid: undefined, gid: undefined, mode: 0o666 }, STICKY);
  if (beside === undefined && !isRoot()) return both({ uid: undefined, gid: undefined, mode: 0o600 }, 0);
  const directory = statOrNothing(dirname(path));
  if (directory === undefined) return both({ uid: undefined, gid: undefined, mode: 0o600 }, 0);
  const { uid, gid } = directory;
  if (beside === undefined) return both({ uid, gid, mode: 0o600 }, 0);
  const data = statOrNothing(beside);
  const special = directory.mode & (SETGID | STICKY);
  if (data === undefined) return both({ uid, gid, mode: fully(directory.mode) }, special);
  const rights = both(rightsBeside(data, directory), special);
  // Without the sticky bit, whoever may make files there may replace the data, and the rights are for all.
  const isKeptOut = (special & STICKY) !== 0 && !isRoot() && !isAtHome(maker(rights.file), directory, data);
  return isKeptOut ? { ...rights, refusedBy: data.uid } : rights;
}

/** Whom a file of this user belongs to that is given these rights. */
function maker({ gid }: Rights): Owners {
  return {
    uid: process.geteuid?.() ?? 0,
    gid: gid !== undefined && isIn(gid) ? gid : (process.getegid?.() ?? 0),
  };
}

function isIn(gid: number): boolean {
  return gid === process.getegid?.() || process.getgroups?.().includes(gid) === true;
}

function rightsBeside(data: Stats, directory: Stats): Rights {
  const uid = data.uid === 0 ? directory.uid : data.uid;
  const replacers = (directory.mode & STICKY) === 0 ? directory.mode & 0o022 : 0;
  const others = (data.mode | replacers) & OTHERS;
  if (data.gid === directory.gid) {
    return { uid, gid: data.gid, mode: fully(others | ((data.mode | replacers) & GROUP)) };
  }
  if ((replacers & GROUP) !== 0) return { uid, gid: directory.gid, mode: fully(others | GROUP) };
  return { uid, gid: data.gid, mode: fully(others | (data.mode & GROUP)) };
}

/** The mode of a file that its owner may use, and whom these bits say; who may write may read. */
function fully(bits: number): number {
  return 0o600 | (bits & 0o066) | ((bits & 0o022) << 1);
}

/** A directory can be searched by who may read the files, and changed by who may write them. */
function both(file: Rights, special: number): LockRights {
  const { mode } = file;
  return { file, directory: { ...file, mode: special | mode | 0o100 | ((mode & 0o044) >> 2) } };
}

/**
 * The same for the record of a request: of one that hides its holder (`record: 'anonymous'`), those who may only read the
 * data may not read what proves whether the holder lives.
 */
export function recordRights(request: Subject & Pick<LockRequest, 'anonymous'>): Rights {
  const { file } = rightsOf(request);
  if (!request.anonymous) return file;
  return { ...file, mode: file.mode & ~((~file.mode & 0o022) << 1) };
}
