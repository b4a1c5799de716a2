import { statSync } from 'node:fs';
import { BoundedCache } from '../../storage/bounded-cache.ts';
import {
  describeFileSystem,
  type FileSystem,
  fileSystemOf,
  localLockOption,
  nearest,
} from '../../storage/file-system/index.ts';
import type { EngineName } from '../engine.ts';
import { type Exclusion, tryExclusion } from '../kernel/kernel.ts';

/** What is known of a directory, as far as it decides which engine locks there. */
export interface Surroundings {
  readonly fileSystem: FileSystem;
  readonly exclusion: Exclusion;
  /** The engine that is taken where nothing else decides, and why. */
  readonly prefers: EngineName;
  readonly why: string;
}

/** The seam through which tests put kernels that are not available where they run. */
export const trials = { of: tryExclusion };

const directories = new BoundedCache<string, Surroundings>();
/** A trial speaks for its whole mount, so one is enough for all directories of a local disk: by device and type. */
const exclusions = new Map<string, Exclusion>();

/** What is known of a directory, looked up once in the life of the process. It need not exist yet. */
export function surroundingsOf(directory: string): Surroundings {
  const known = directories.get(directory);
  if (known !== undefined) return known;
  const fileSystem = fileSystemOf(directory);
  const exclusion = exclusionIn(directory, fileSystem);
  const found = { fileSystem, exclusion, ...preference(fileSystem, exclusion) };
  if (exclusion.verdict !== 'untested') directories.set(directory, found);
  return found;
}

function exclusionIn(directory: string, { type, reach }: FileSystem): Exclusion {
  let existing: string;
  let mount: string;
  try {
    existing = nearest(directory);
    mount = `${statSync(existing).dev} ${type}`;
  } catch {
    return { verdict: 'untested', detail: 'the directory cannot be looked at' };
  }
  if (reach !== 'local') return trials.of(existing); // such mounts come and go, and get each other's device numbers
  const known = exclusions.get(mount);
  if (known !== undefined) return known;
  const found = trials.of(existing);
  if (found.verdict !== 'untested') exclusions.set(mount, found);
  return found;
}

/** Whether the kernel engine may be used at all. Where no trial could be made, its own tries tell. */
export function kernelIsUsable({ exclusion }: Surroundings): boolean {
  return exclusion.verdict === 'excludes' || exclusion.verdict === 'untested';
}

/** Why this program cannot use the kernel's lock, and what helps. */
export function noWayToKernel({ exclusion, why }: Surroundings): string {
  return exclusion.verdict === 'missing' ? why : exclusion.detail;
}

/** Whether the kernel's lock excludes everybody there, by trial, and no other machine can be among them. */
export function kernelIsProved({ exclusion, fileSystem }: Surroundings): boolean {
  return exclusion.verdict === 'excludes' && fileSystem.reach === 'local';
}

/** Whether this program cannot take the kernel's lock in a place where others may well be able to. */
export function kernelIsMissed({ exclusion, fileSystem }: Surroundings): boolean {
  return exclusion.verdict === 'missing' && fileSystem.reach === 'local';
}

/**
 * The kernel where it alone reaches the files, for then its lock is the last word. Not on a network drive: a trial on one
 * machine cannot show that another is kept out, and where it is, a holder that is cut off from the server can lose its
 * lock without noticing. The portable engine rests on nothing but atomic `link` and `rename` at the server.
 */
function preference(fileSystem: FileSystem, exclusion: Exclusion): Pick<Surroundings, 'prefers' | 'why'> {
  const place = describeFileSystem(fileSystem);
  const { verdict, detail, cure } = exclusion;
  if (verdict === 'missing') {
    return { prefers: 'portable', why: cure === undefined ? detail : `${detail}. What helps: ${cure}` };
  }
  if (verdict === 'refused' || verdict === 'ignored') {
    return { prefers: 'portable', why: `the kernel's lock does not work on ${place}: ${detail}` };
  }
  if (fileSystem.reach !== 'network') return { prefers: 'kernel', why: `the lock lies on ${place}` };
  const option = localLockOption(fileSystem);
  const doubt =
    option === undefined
      ? "where nothing proves that the kernel's lock keeps other machines out"
      : `whose mount option ${option} keeps the kernel's lock on this machine`;
  return { prefers: 'portable', why: `the lock lies on ${place}, ${doubt}` };
}
