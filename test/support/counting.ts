import type { Agent, Remote } from './agent.ts';
import { until } from './until.ts';

/** For `Agent.run`: how many descriptors the process has open. */
export const descriptors = ({ fs }: Remote) => fs.readdirSync('/proc/self/fd').length;

/** For `Agent.run`: how many watches its inotify descriptors carry. */
export const watches = ({ fs }: Remote) =>
  fs
    .readdirSync('/proc/self/fdinfo')
    .map((fd) => {
      try {
        return fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
      } catch {
        return '';
      }
    })
    .join('')
    .split('inotify wd:').length - 1;

/** The process sleeps until the kernel tells it about this many lock files. */
export function untilWatching(agent: Agent, files = 1): Promise<void> {
  return until(async () => (await agent.run(watches)) >= files, `the process watches ${files} lock files`);
}
