import { existsSync } from 'node:fs';
import type { Leftover } from '../engine.ts';
import { type EntryName, ForeignEntry, listEntries } from './entry.ts';

/** The entries of those who wait for a lock, or share it. The lock file itself is permanent, and none of them. */
export function leftovers(path: string): Leftover[] {
  return listEntries(path).flatMap((entry): Leftover[] => {
    const locked = ForeignEntry.isLocked(entry);
    if (locked === undefined) return []; // somebody else's file, whatever it is called
    const what = entry.kind === 'held' ? 'claim' : 'ticket';
    return locked
      ? [{ path: entry.path, what, why: 'its owner lives', remove: undefined }]
      : [{ path: entry.path, what, why: 'its owner is dead', remove: () => removed(entry) }];
  });
}

function removed(entry: EntryName): boolean {
  ForeignEntry.open(entry)?.close(); // removes it when its owner is dead
  return !existsSync(entry.path);
}
