import { commandLiveness } from './child.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { listReaders } from './readers.ts';
import { removeAbandoned } from './take-over.ts';

/** `gone`: no claim of this identity stands there. `alive`: its owner lives. `busy`: somebody else is removing it. */
export type Abandoned = 'removed' | 'gone' | 'alive' | 'busy';

/**
 * Removes the one claim of this identity on a person's word that its owner is gone for good, where nothing here proves
 * it. Never that of a process, or of its command, which is seen to live, and never another claim: one that took its place has another
 * identity. An owner that lives all the same, cut off from here, is told by its next check, as after any loss.
 */
export function abandon(lock: PortableLock, claim: string): Abandoned {
  const gate = look(lock.place.lock);
  const standing: FoundClaim[] = [...(gate.kind === 'claim' ? [gate] : []), ...listReaders(lock.place)];
  const found = standing.find(({ token }) => token === claim);
  if (found === undefined) return 'gone';
  const { record } = found;
  const isAlive = record !== undefined && livenessAt(found.path, record.holder) === 'alive';
  if (isAlive || commandLiveness(lock.place, found) === 'alive') return 'alive';
  const outcome = removeAbandoned(lock, found);
  return outcome === 'changed' ? 'gone' : outcome;
}
