import { cohortOf, type Member } from './cohort.ts';

/**
 * The exclusive lock at this path that this thread has for one of these purposes, also where the code that asked for it has
 * not heard of the grant yet. For the last turn of a thread: no such code goes on, so what is left to do can be done under
 * its lock.
 */
export function lockInHand(path: string, purposes: readonly string[]): Member | undefined {
  return cohortOf(path).members.find(
    ({ request: { mode, purpose = '' }, isHeld }) =>
      isHeld && mode === 'exclusive' && purposes.includes(purpose),
  );
}
