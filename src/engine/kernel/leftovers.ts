import type { Leftover } from '../engine.ts';
import { type EntryName, ForeignEntry, listEntries } from './entry.ts';

/** The entries of those who wait for a lock, or share it. The lock file itself is permanent, and none of them. */
export function leftovers(path: string): Leftover[] {
  return listEntries(path).map((entry) => {
    const what = entry.kind === 'held' ? 'claim' : 'ticket';
    return ForeignEntry.isLocked(entry)
      ? { path: entry.path, what, why: 'its owner lives', remove: undefined }
      : { path: entry.path, what, why: 'its owner is dead', remove: () => removed(entry) };
  });
}

function removed(entry: EntryName): boolean {
  const living = ForeignEntry.open(entry); // removes it when its owner is dead
  living?.close();
  return living === undefined;
}
