import { onExit } from '../copies/exit.ts';
import { shared } from '../copies/shared.ts';
import { publish } from '../events/channel.ts';
import { allCohorts } from './cohort.ts';
import { eventBase } from './request.ts';

const watch = shared('exit-watch', () => ({ isOn: false }));

/**
 * Tells of locks that are held when the process, or worker, exits. They are not released here: the kernel frees them in
 * a moment, and the next holder should learn that this one never said it was done (`lock.recovered`).
 */
export function watchExit(): void {
  if (watch.isOn) return;
  watch.isOn = true;
  onExit(() => {
    // Copies, for whoever is told may release a lock, or acquire one.
    for (const cohort of [...allCohorts()]) {
      for (const holding of [...cohort.members]) {
        if (!holding.isHeld) continue;
        publish('exited', () => ({ ...eventBase(holding.request), held: holding.held }));
        if (holding.request.mode === 'shared') holding.grant.release(); // leaves no record file behind
      }
    }
  });
}
