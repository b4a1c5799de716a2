import { generic } from './generic.ts';
import type { HolderRecord } from './holder.ts';
import { linux } from './linux.ts';
import type { ProcessFacts } from './system.ts';

export const processFacts: ProcessFacts = process.platform === 'linux' ? linux : generic;

export type Liveness = 'alive' | 'dead' | 'unknown';

/**
 * Whether the process a record names still runs. Anything that cannot be proved is `unknown`: another pid namespace,
 * no start time, no permission to look. Never a reason to take a lock; enough to word a message, or to refuse a signal.
 */
export function liveness(record: HolderRecord): Liveness {
  const { pid, start, boot } = record;
  if (pid === undefined) return 'unknown';
  const currentBoot = processFacts.bootId();
  if (currentBoot !== '' && boot !== undefined && boot !== currentBoot) return 'dead';
  if (record.pidNamespace !== processFacts.pidNamespace()) return 'unknown';
  const currentStart = processFacts.startTime(pid);
  if (currentStart === undefined) return isGone(pid) ? 'dead' : 'unknown';
  if (start === undefined) return 'unknown';
  return currentStart === start ? 'alive' : 'dead';
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
