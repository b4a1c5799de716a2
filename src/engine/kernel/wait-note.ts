import type { HeldAs, WaitNote } from '../engine.ts';
import { wellFormedNote } from '../wait-note.ts';
import { Entry, ForeignEntry, listEntries } from './entry.ts';

/** Leaves a note in the queue directory of a lock that is held here; where none can be left, deadlocks go unseen. */
export function noteWait(
  heldPath: string,
  note: WaitNote,
  { beside, access }: HeldAs = { beside: heldPath, access: 'owner' },
): () => void {
  const place = { path: heldPath, resource: note.holds, beside, access };
  const entry = Entry.leave(place, 'waits', {});
  try {
    entry?.append(JSON.stringify(note));
  } catch {
    entry?.remove(); // a full disk
  }
  return () => entry?.remove();
}

/** The living notes beside a lock. A note that makes no sense is none. */
export function waitsOf(path: string): WaitNote[] {
  return listEntries(path).flatMap((name) => {
    const found = name.kind === 'waits' ? ForeignEntry.open(name) : undefined;
    if (found === undefined) return [];
    try {
      return parseNote(found.readAppended()) ?? [];
    } catch {
      return []; // cannot be read, so it says nothing
    } finally {
      found.close();
    }
  });
}

function parseNote(text: string): WaitNote | undefined {
  try {
    return wellFormedNote(JSON.parse(text));
  } catch {
    return undefined;
  }
}
