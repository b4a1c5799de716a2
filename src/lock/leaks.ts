import { publish } from '../events/channel.ts';
import { clearInterval, setInterval } from '../time/time.ts';
import { allCohorts, type Member } from './cohort.ts';
import { eventBase } from './request.ts';

const SWEEP_EVERY = 1000;

/** Tells of locks nobody can release any more. They stay held: the work they protect may still be going on. */
const forgotten = new FinalizationRegistry<Member>((member) => {
  if (member.isHeld) publish('leaked', () => ({ ...eventBase(member.request), held: member.held }));
});

let sweep: NodeJS.Timeout | undefined;

/**
 * Watches for locks that are garbage-collected while they are held. Short holds pay nothing for it: only a lock that
 * lives through a sweep is handed to the registry, and until then its holding keeps it alive.
 */
export function watchForLeaks(): void {
  if (sweep !== undefined) return;
  sweep = setInterval(() => {
    let members = 0;
    for (const cohort of allCohorts()) {
      for (const member of cohort.members) {
        members++;
        if (member.lock !== undefined && member.held >= SWEEP_EVERY) {
          forgotten.register(member.lock, member);
          member.lock = undefined;
        }
      }
    }
    if (members > 0) return;
    clearInterval(sweep);
    sweep = undefined;
  }, SWEEP_EVERY).unref();
}
