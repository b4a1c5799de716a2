import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import type { HeldAs, WaitNote } from '../engine.ts';
import { wellFormedNote } from '../wait-note.ts';
import { readText, removeLeft, removeQuietly, writeWhole } from './files.ts';
import { giveBack, isDoneWith, lend } from './give-back.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import type { Place } from './place.ts';
import { json, newToken, provable } from './record.ts';
import { whereabouts } from './whereabouts.ts';

const SIGNATURE = 'holdfast-wait 1\n';
const NAME = /^waits\.[0-9a-f]{32}$/;

/** Leaves a note in the queue directory of a lock that is held here; where none can be left, deadlocks go unseen. */
export function noteWait({ request, place }: PortableLock, note: WaitNote, held?: HeldAs): () => void {
  const name = `waits.${newToken()}`;
  const path = join(place.queue, name);
  const home = whereabouts(place.queue);
  const remove = () => removeLeft(path, home);
  lend(name, remove);
  try {
    writeWhole(
      path,
      `${SIGNATURE}${JSON.stringify({ ...note, owner: provable(self()) })}`,
      { ...request, ...held, anonymous: false }, // whoever may wait for the lock must see it, and whose it is
      place.privatePath(newToken()),
    );
  } catch {
    // A full disk, or a queue directory that is not there.
  }
  return () => giveBack(name, remove);
}

/** The living notes beside a lock. A note that makes no sense is none. */
export function waitsOf(place: Place): WaitNote[] {
  let names: string[];
  try {
    names = readdirSync(place.queue).filter((name) => NAME.test(name) && !isDoneWith(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const path = join(place.queue, name);
    const found = readNote(path);
    if (found === undefined) return [];
    if (livenessAt(path, found.owner) !== 'dead') return [found.note];
    removeQuietly(path); // its name is never used again
    return [];
  });
}

export function isNoteOfTheDead(path: string): boolean {
  const found = readNote(path);
  return found !== undefined && livenessAt(path, found.owner) === 'dead';
}

function readNote(path: string): { readonly note: WaitNote; readonly owner: HolderRecord } | undefined {
  const text = readText(path) ?? '';
  if (!text.startsWith(SIGNATURE)) return undefined;
  const { owner, ...rest } = (json(text.slice(SIGNATURE.length)) ?? {}) as Partial<WaitNote> & {
    owner?: HolderRecord;
  };
  const note = wellFormedNote(rest);
  return note === undefined || typeof owner !== 'object' || owner === null ? undefined : { note, owner };
}
