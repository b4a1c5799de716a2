import type { Inspection, WaitNote } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import type { HolderRecord } from '../identity/holder.ts';
import { setImmediate } from '../time/time.ts';
import { cohortOf, type Member } from './cohort.ts';

const UNSEEN: Inspection = { state: 'exclusive', holders: [], waiters: [], name: undefined };

/** A lock as a message or an event tells of it. Where nothing can be seen of it, it is not called free. */
export function seen(path: string): Inspection {
  try {
    return engine.inspect(path);
  } catch {
    return UNSEEN;
  }
}

/**
 * Whether the hold beside which a note was left is still one, for all that can be seen now: not where nobody holds the lock,
 * nor where every holder is known to be another one.
 */
export function isSeenHeld({
  heldPath,
  holder,
}: Pick<WaitNote, 'holder'> & { readonly heldPath: string }): boolean {
  const { state, holders } = seen(heldPath);
  if (state === 'free') return false;
  return holder === undefined || holders.length === 0 || holders.some((record) => mayBe(record, holder));
}

/** A holder without a record is known by the process id of this namespace alone, and one in another has an id of its own. */
function mayBe(record: HolderRecord, holder: NonNullable<WaitNote['holder']>): boolean {
  if (record.copy === true) return false;
  if (record.foreign === true && holder.pidNamespace !== record.pidNamespace) return true;
  const told = (['pid', 'thread', 'pidNamespace', 'boot'] as const).filter(
    (key) => record[key] !== undefined,
  );
  return told.every((key) => record[key] === holder[key]);
}

interface Sight {
  readonly lock: Inspection;
  readonly members: number;
  readonly first: Member | undefined;
}

/** What was seen in this turn of the event loop. */
const sights = new Map<string, Sight>();

/**
 * One look for all that end in the same turn of the event loop: thousands of waits may run out of time together. Looks
 * again when this thread has taken the lock, or given it back, meanwhile.
 */
export function seenTogether(path: string): Inspection {
  const { members } = cohortOf(path);
  const sight = sights.get(path);
  if (sight?.members === members.length && sight.first === members[0]) return sight.lock;
  const lock = seen(path);
  if (sights.size === 0) setImmediate(() => sights.clear());
  sights.set(path, { lock, members: members.length, first: members[0] });
  return lock;
}
