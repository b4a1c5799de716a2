import type { BigIntStats } from 'node:fs';
import { Date } from '../../time/time.ts';

/** What tells one version of a file from another one without reading it. */
export interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** When it was looked at, in milliseconds since the epoch. */
  readonly recordedAt: number;
}

const NANOSECONDS = 1_000_000n;
/** Longer than any tick of the clocks that stamp files, but for FAT's, whose stamps are whole seconds. */
const TICK = 20n * NANOSECONDS;
const FAT_TICK = 2000n * NANOSECONDS;
const SECOND = 1000n * NANOSECONDS;

/** `recordedAt`: a time before the look. */
export function identityOf(stats: BigIntStats, recordedAt = Date.now()): Identity {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { dev, ino, size, mtimeNs, ctimeNs, recordedAt };
}

export function isSame(a: Identity, b: Identity): boolean {
  return isSameFile(a, b) && a.ctimeNs === b.ctimeNs;
}

/** The same of a file that was renamed in between, which changes the ctime alone. */
export function isSameFile(a: Identity, b: Identity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/**
 * Whether a file may have been written again within the tick of the clock in which it was looked at, so that a later look
 * finds the same identity of another content (git's rule for its index). A racy identity proves nothing: the hash decides.
 */
export function isRacy({ mtimeNs, ctimeNs, recordedAt }: Identity): boolean {
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  const tick = latest % SECOND === 0n ? FAT_TICK : TICK;
  return latest + tick > BigInt(Math.floor(recordedAt)) * NANOSECONDS;
}
