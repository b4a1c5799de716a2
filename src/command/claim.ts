import { basename, dirname, join } from 'node:path';
import type { HeldPermit } from '../engine/engine.ts';
import { permitsDirectory, slotIn } from '../engine/file/permits.ts';
import type { Mode } from '../engine/index.ts';
import { isSameLock, whereaboutsOf } from '../lock/same-lock.ts';

/**
 * One lock that an enclosing `holdfast run` holds. Such a process takes a lock once in its life, so its own identity is
 * that of its grant.
 */
export interface Claim {
  /** The lock of a resource; of one that was taken nested, its nested lock. */
  readonly path: string;
  /** Where that is for all who do not see it by this path; see `whereaboutsOf`. */
  readonly place?: string;
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
  readonly mode: Mode;
  readonly permits?: number;
  /** Which one, of so many. */
  readonly permit?: HeldPermit;
  /** It could not be said in the lock that it may be taken again. */
  readonly closed?: true;
}

/** Whether it is what `holdfast run` writes. */
export function isClaim(value: unknown): value is Claim {
  const { path, place, pid, start, boot, mode, permit } = (value ?? {}) as Partial<
    Record<keyof Claim, unknown>
  >;
  return (
    typeof path === 'string' &&
    (place === undefined || typeof place === 'string') &&
    Number.isSafeInteger(pid) &&
    typeof start === 'string' &&
    start !== '' &&
    typeof boot === 'string' &&
    (mode === 'exclusive' || mode === 'shared') &&
    (permit === undefined || isPermit(permit))
  );
}

function isPermit(value: unknown): boolean {
  const { lock, by } = (value ?? {}) as Partial<Record<keyof HeldPermit, unknown>>;
  if (typeof lock !== 'string' || typeof by !== 'string') return false;
  return dirname(by) === permitsDirectory(lock) && slotIn(basename(by)) !== undefined;
}

/**
 * A claim as it is met by whoever asks for the lock at this path; undefined where it is a claim to another lock.
 *
 * The path that its holder wrote down may be another one of the same lock: through a bind mount, or of a second name of
 * the lock file. All who are nested in it go by the holder's path then, as far as that leads there from here, so that they
 * meet each other; in another mount namespace it may lead nowhere, or elsewhere, and the place it names decides.
 */
export function claimHere(claim: Claim, path: string): Claim | undefined {
  if (isSameLock(claim.path, path)) return claim;
  if (claim.place === undefined || claim.place !== whereaboutsOf(path)) return undefined;
  const { permit, ...rest } = claim;
  if (permit === undefined) return { ...rest, path };
  const isNested = permit.lock !== claim.path; // then it lies among the slots of the lock
  const slots = isNested ? dirname(path) : permitsDirectory(path);
  const lock = isNested ? slots.slice(0, -permitsDirectory('').length) : path;
  return { ...rest, path, permit: { lock, by: join(slots, basename(permit.by)) } };
}
