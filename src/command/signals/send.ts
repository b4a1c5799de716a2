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
