import type { WaitNote } from '../engine.ts';
import { Entry, ForeignEntry, listEntries } from './entry.ts';

const FIELDS = ['id', 'since', 'path', 'resource', 'who', 'holds'] as const;

/** Leaves a note in the queue directory of a lock that is held here; where none can be left, deadlocks go unseen. */
export function noteWait(heldPath: string, note: WaitNote): () => void {
  const place = { path: heldPath, resource: note.holds, beside: heldPath, access: 'owner' as const };
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
    const note = JSON.parse(text) as Partial<Record<string, unknown>>;
    const complete =
      FIELDS.every((field) => typeof note[field] === 'string') && /^\d{1,20}$/.test(String(note.since));
    return complete ? (note as unknown as WaitNote) : undefined;
  } catch {
    return undefined;
  }
}
