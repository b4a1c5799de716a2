import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { absolute } from '../storage/working-directory.ts';
import { check, checkKinds, flag, path } from './known-options.ts';

/** A file that was looked at. */
export interface StaleEntry {
  readonly path: string;
  /** The lock it belongs to. */
  readonly lock: string;
  /** `claim`: stands for a hold. `ticket`: for a wait. `litter`: for nothing. */
  readonly what: 'claim' | 'ticket' | 'litter';
  /** In words: why it was removed, or kept. */
  readonly why: string;
}

export interface CleanOptions {
  /** Only say what would be removed. Default false. */
  readonly dryRun?: boolean | undefined;
}

export interface CleanResult {
  /** What was removed; under `dryRun`, what would be. */
  readonly removed: readonly StaleEntry[];
  readonly kept: readonly StaleEntry[];
}

/**
 * Removes what dead processes left of their locks in a directory: claims and tickets of processes that are proved dead,
 * and files they never finished. Locks work without it; it is for people who like their directories tidy. And copies of
 * claims, which came with a copied directory and keep its locks from everybody, for nobody else removes them.
 *
 * Guaranteed: touches only what carries Holdfast's own signature, and nothing by which its owner may hold a lock, or wait
 * for one, however old. Not looked into: directories below this one. Lock files of the kernel engine are permanent, so they
 * are neither removed nor listed.
 *
 * @throws {InputError} `directory` is not a path, or an option cannot be used. @throws the system's error when it cannot be read.
 */
export async function cleanStale(directory: string, options: CleanOptions = {}): Promise<CleanResult> {
  check('directory', directory, path);
  checkKinds(options, { dryRun: flag });
  const { dryRun = false } = options;
  const results: CleanResult[] = [];
  for (const lock of locksIn(absolute(directory))) results.push(await cleanLock(lock, { dryRun }));
  return {
    removed: results.flatMap(({ removed }) => removed),
    kept: results.flatMap(({ kept }) => kept),
  };
}

/** The same for one lock, given by the path of its lock file, with the locks that are nested in it. */
export async function cleanLock(
  lock: string,
  { dryRun }: { readonly dryRun: boolean },
): Promise<CleanResult> {
  const { leftovers } = await import('../engine/leftovers.ts');
  const removed: StaleEntry[] = [];
  const kept: StaleEntry[] = [];
  for (const { path, what, why, remove } of leftovers(lock)) {
    const entry = { path, lock, what, why };
    if (remove === undefined) kept.push(entry);
    else if (dryRun || isRemoved(remove)) removed.push(entry);
    else kept.push({ ...entry, why: `${why}, and it could not be removed` });
  }
  return { removed, kept };
}

function locksIn(directory: string): string[] {
  const names = readdirSync(directory).flatMap((name) => /^(.*\.lock)(\.queue)?$/.exec(name)?.[1] ?? []);
  return [...new Set(names)].sort().map((name) => join(directory, name));
}

function isRemoved(remove: () => boolean): boolean {
  try {
    return remove();
  } catch {
    return false; // another user's, or the disk refuses
  }
}
