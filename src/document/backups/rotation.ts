import type { Copy } from './copies.ts';
import type { BackupPolicy } from './policy.ts';

const DAY = 24 * 60 * 60 * 1000;

/**
 * Which of the backups may go: all but the newest few and the newest of each of the last days, and of these, too, those that
 * are too old. `copies`: the newest first. `isGood`: whether one is whole; one such is always kept.
 */
export function outdated(
  copies: readonly Copy[],
  { newest, days, longest }: BackupPolicy,
  isGood: (copy: Copy) => boolean,
  now: number,
): Copy[] {
  const kept = new Set(copies.slice(0, newest));
  const daysSeen = new Set<number>();
  for (const copy of copies) {
    const day = Math.floor(copy.time / DAY);
    if (copy.time > now || now - copy.time >= days * DAY || daysSeen.has(day)) continue;
    daysSeen.add(day);
    kept.add(copy);
  }
  for (const copy of kept) if (now - copy.time > longest * DAY) kept.delete(copy);
  if (copies.every((copy) => kept.has(copy))) return [];
  const lastGood = [...kept].find(isGood) ?? copies.find((copy) => !kept.has(copy) && isGood(copy));
  return copies.filter((copy) => !kept.has(copy) && copy !== lastGood);
}
