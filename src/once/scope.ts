import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { InputError, shown } from '../errors/input-error.ts';
import { LockManager } from '../lock/manager.ts';
import { BoundedCache } from '../storage/bounded-cache.ts';
import { stateHome } from '../storage/home.ts';
import { nearestProject, projectAround, realProject } from '../storage/project.ts';
import { absolute, workingDirectory } from '../storage/working-directory.ts';

/**
 * Whose calls meet at a key: those of one user, or of one user in one project. `project` is the nearest directory
 * upward from the working directory that has a `holdfast.yaml`, a `.git` or a `package.json`; `{ project }` names it.
 * `nearest` is the project if there is one, else the user.
 */
export type Scope = 'nearest' | 'user' | 'project' | { readonly project: string };

/** Where the lock and the records of one key are. */
export interface Place {
  readonly locks: LockManager;
  /** The name of the lock. */
  readonly lock: string;
  /** The directory of the records; it need not exist. */
  readonly records: string;
  /** The directory of the project the key is of; null for a key of the user. */
  readonly project: string | null;
  /** The directory that was asked for; null for the user's own. */
  readonly directory: string | null;
}

const managers = new Map<string, LockManager>();
const places = new BoundedCache<string, Place>();

/**
 * The place of a key. The records lie in a directory that is named as the key's lock file is, which tells every string
 * from every other.
 *
 * @throws {InputError} for a scope that is none, or a project that does not exist.
 */
export function placeOf(key: string, scope: Scope = 'user', directory?: string): Place {
  return placeIn(key, projectOf(scope), directory);
}

/** The same for a project that is known by its real path, and may be gone; null for none. */
export function placeIn(key: string, project: string | null, directory?: string): Place {
  const { locks: home, records } = directoriesOf(directory);
  const lock = lockName(key, project);
  const id = `${home}\0${lock}`;
  let place = places.get(id);
  if (place === undefined) {
    const locks = managerOf(home);
    const name = basename(locks.pathOf({ name: lock }), '.lock');
    place = { locks, lock, records: join(records, name), project, directory: directory ?? null };
    places.set(id, place);
  }
  return place;
}

/** The directory of locks, and the one of all keys' records. */
export function directoriesOf(directory?: string): { readonly locks: string; readonly records: string } {
  if (directory !== undefined) {
    const locks = absolute(directory);
    return { locks, records: join(locks, 'once') };
  }
  const home = stateHome();
  return { locks: join(home, 'locks'), records: join(home, 'once') };
}

function managerOf(directory: string): LockManager {
  let manager = managers.get(directory);
  if (manager === undefined) {
    manager = new LockManager({ directory });
    managers.set(directory, manager);
  }
  return manager;
}

/** A project's part comes last and has no `@` in it, so that no two pairs of key and project share a name. */
function lockName(key: string, project: string | null): string {
  if (project === null) return `once:${key}`;
  const hash = createHash('sha256').update(project).digest('hex').slice(0, 10);
  return `once-in-project:${key}@${basename(project).replace(/[^\w.-]/g, '-')}~${hash}`;
}

/** The directory of the project around the working directory; null where there is none. */
export function projectHere(): string | null {
  const here = workingDirectory();
  return (here === undefined ? undefined : nearestProject(here)) ?? null;
}

/** The directory of the project a scope means; null for the scope of the user. */
function projectOf(scope: Scope): string | null {
  if (scope === 'user') return null;
  if (scope === 'project') return projectAround(absolute('.'));
  if (scope === 'nearest') return projectHere();
  const project: unknown = (scope as { project?: unknown } | null)?.project;
  if (typeof project !== 'string' || project === '') {
    throw new InputError('scope', `must be 'nearest', 'user', 'project' or { project }, got ${shown(scope)}`);
  }
  return realProject(project);
}
