import { publish } from '../events/channel.ts';
import { allCohorts } from './cohort.ts';
import { eventBase } from './request.ts';

let watching = false;

/**
 * Tells of locks that are held when the process, or worker, exits. They are not released here: the kernel frees them in
 * a moment, and the next holder should learn that this one never said it was done (`lock.recovered`).
 */
export function watchExit(): void {
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const cohort of allCohorts()) {
      for (const holding of cohort.members) {
        publish('exited', () => ({ ...eventBase(holding.request), held: holding.held }));
        if (holding.request.mode === 'shared') holding.grant.release(); // leaves no record file behind
      }
    }
  });
}
