import { systemCode } from '../../errors/base.ts';

/**
 * Sends a signal to a process, or to the group that it leads. False when there is none any more.
 *
 * Says nothing of who has the process id: the caller has just checked that.
 *
 * @throws the system's error where this user may not.
 */
export function send(pid: number, signal: NodeJS.Signals, to: 'process' | 'group' = 'process'): boolean {
  try {
    process.kill(to === 'group' ? -pid : pid, signal);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Whether this user may send signals to a process; one that is gone is nobody's. */
export function maySignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'EPERM';
  }
}
