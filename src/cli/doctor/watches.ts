import { readFileSync, watch } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { attempt, type Check } from './check.ts';

/** Whether waiters can be woken by events, or must look by timer. */
export function checkWatches(scratch: string): Promise<Check> {
  return attempt('watches', () => watches(scratch));
}

function watches(directory: string): Omit<Check, 'name'> {
  const limits = ['max_user_instances', 'max_user_watches'].map(inotifyLimit);
  const says = limits.some((limit) => limit === undefined)
    ? ''
    : `, up to ${limits[0]} processes and ${limits[1]} files`;
  try {
    watch(directory, { persistent: false }).close();
    return { mark: 'ok', says: `file events available${says}` };
  } catch (error) {
    const next =
      'Raise fs.inotify.max_user_instances and max_user_watches (sysctl); until then waiters look by timer.';
    return { mark: 'warn', says: `no events (${systemCode(error)})${says}`, next };
  }
}

function inotifyLimit(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/fs/inotify/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
