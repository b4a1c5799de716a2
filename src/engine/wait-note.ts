import type { WaitNote } from './engine.ts';

const FIELDS = ['id', 'since', 'path', 'resource', 'who', 'holds'] as const;

/** A note as it was read from a file that anybody may have written; undefined when it makes no sense. */
export function wellFormedNote(value: Partial<Record<keyof WaitNote, unknown>>): WaitNote | undefined {
  const { since, place, permits, hold, holder, alone, mode, behind } = value;
  const complete =
    FIELDS.every((field) => typeof value[field] === 'string') && /^\d{1,20}$/.test(String(since));
  const sensible =
    (place === undefined || typeof place === 'string') &&
    (permits === undefined || (Number.isInteger(permits) && (permits as number) > 0)) &&
    (hold === undefined || typeof hold === 'string') &&
    (holder === undefined || (typeof holder === 'object' && holder !== null)) &&
    (alone === undefined || typeof alone === 'boolean') &&
    (mode === undefined || mode === 'shared' || mode === 'exclusive') &&
    (behind === undefined || typeof behind === 'string');
  return complete && sensible ? (value as unknown as WaitNote) : undefined;
}
