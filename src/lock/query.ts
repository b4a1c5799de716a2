import { lstatSync, readdirSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import type { Contract, Mode, WaiterInfo } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { cannotBeListed } from '../errors/advice.ts';
import { systemCode } from '../errors/base.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { ExhaustedError, LockError, UnwritableError } from '../errors/lock-errors.ts';
import type { HolderRecord } from '../identity/holder.ts';
import { allCohorts, type Pending } from './cohort.ts';
import { fileNameOf } from './resource.ts';

/** One lock as it was seen. */
export interface LockInfo {
  /** The name or file it was taken under; where that is not known, as of some free portable locks, the same as `path`. */
  readonly resource: string;
  readonly path: string;
  readonly state: 'free' | Mode;
  readonly holders: readonly HolderRecord[];
  /** Who waits, in all processes, in the order of the queue. */
  readonly waiters: readonly WaiterInfo[];
  readonly contract: Contract;
}

/** A request of this thread that waits. */
export interface PendingInfo {
  readonly resource: string;
  readonly path: string;
  readonly mode: 'exclusive' | 'shared';
  /** Place in the queue of all processes, 1 = next. */
  readonly position: number;
  /** Milliseconds. */
  readonly waited: number;
  readonly purpose?: string | undefined;
}

/** What is seen: no lock of which this user may see nothing, such as another's that is kept from everybody else. */
export interface QueryResult {
  readonly held: readonly LockInfo[];
  readonly pending: readonly PendingInfo[];
}

export interface Survey extends QueryResult {
  /** Every lock of which something can be seen, free ones included. */
  readonly all: LockInfo[];
  /** The paths of the others, some of which may be no lock files of Holdfast's at all. */
  readonly unseen: readonly string[];
}

/**
 * Looks at every lock in a directory, and at the files this thread holds or waits for elsewhere.
 *
 * @throws {UnwritableError} the directory is there, and cannot be looked into. @throws {ExhaustedError} nor can anything else,
 * for want of descriptors or memory.
 */
export function query(directory: string): Survey {
  const paths = new Map(lockFiles(directory).map((path) => [path, undefined as string | undefined]));
  const pending: PendingInfo[] = [];
  for (const cohort of allCohorts()) {
    for (const { request } of cohort.members) paths.set(request.path, request.resource);
    pending.push(...cohort.queue.map(describe));
  }
  const unseen: string[] = [];
  const all = [...paths].flatMap(([path, resource]) => {
    const info = lookIfAllowed(path, resource);
    if (info === undefined) unseen.push(path);
    return info ?? [];
  });
  return { all, held: all.filter(({ state }) => state !== 'free'), pending, unseen };
}

function lockFiles(directory: string): string[] {
  try {
    // Of a portable lock that is free, or shared, only the queue directory is there.
    const names = readdirSync(directory).flatMap((name) => /^(.*\.lock)(\.queue)?$/.exec(name)?.[1] ?? []);
    if (names.length > 0) lstatSync(`${directory}${sep}.`); // one that may only be read tells names, and nothing else
    return [...new Set(names)].sort().map((name) => join(directory, name));
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    if (code === 'ENOENT') return []; // not made yet
    const facts = { resource: directory, path: directory, cliName: directory };
    const message = cannotBeListed(directory, code, error);
    if (isExhaustion(code)) throw new ExhaustedError(facts, code, error, message);
    throw new UnwritableError(facts, code, error, () => message);
  }
}

/** Undefined for one of which this user may see nothing, for it may be no lock file of Holdfast's at all. */
export function lookIfAllowed(path: string, resource?: string): LockInfo | undefined {
  try {
    return look(path, resource);
  } catch (error) {
    if (error instanceof UnwritableError) return undefined;
    throw error;
  }
}

/** What is seen of a lock. @throws {UnwritableError | ExhaustedError} nothing can be seen of it; by the name it is asked for. */
export function inspectAs(resource: string, path: string): ReturnType<typeof engine.inspect> {
  try {
    return engine.inspect(path);
  } catch (error) {
    throw calledBy(resource, error);
  }
}

/** An error of an engine that looked at a lock, which it knows by its path alone: from now on it says the lock's name. */
export function calledBy(resource: string, error: unknown): unknown {
  return error instanceof LockError ? Object.assign(error, { resource }) : error;
}

function look(path: string, resource: string | undefined): LockInfo {
  const { state, holders, waiters, name, contract } = inspectAs(resource ?? path, path);
  return { resource: resource ?? name ?? nameIn(path), path, state, holders, waiters, contract };
}

/** The name, where its lock file is called by all of it, which the hash proves; else the path. */
function nameIn(path: string): string {
  const file = basename(path, '.lock');
  const name = file.replace(/~[0-9a-f]{20}$/, '');
  return file === name || fileNameOf(name) === file ? name : path;
}

function describe({ request, waited, position }: Pending): PendingInfo {
  const { resource, path, mode, purpose } = request;
  return { resource, path, mode, position, waited, ...(purpose === undefined ? {} : { purpose }) };
}
