import { afterAll } from 'vitest';
import { allCohorts } from '../../src/lock/cohort.ts';

/**
 * Files of pure tests share their modules, so a lock that one of them leaves held would be listed among those of the next
 * one's thread. What is left at a file's end is given back, from the end of each line.
 */
afterAll(() => {
  for (const cohort of allCohorts()) {
    for (const pending of [...cohort.queue].reverse()) cohort.withdraw(pending);
    for (const member of [...cohort.members]) {
      member.grant.release();
      cohort.leave(member);
    }
  }
});
