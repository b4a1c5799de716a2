import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { STOPPING } from './passed.ts';

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // no such process any more, or no /proc on this system
  }
}

/** Whether a process has its own handler for a signal; undefined when it cannot be told. */
export function catches(pid: number, signal: NodeJS.Signals): boolean | undefined {
  const status = read(`/proc/${pid}/status`);
  return status === undefined ? undefined : isIn(status, 'SigCgt', signal);
}

/**
 * Whether a signal has stopped a process, or is to do so at its next turn on a processor; and not a debugger, which has it
 * stand still at each of its steps (proc(5)).
 */
export function isStoppingBySignal(pid: number): boolean {
  const status = read(`/proc/${pid}/status`) ?? '';
  return /^State:\s*T/m.test(status) || STOPPING.some((signal) => isIn(status, 'ShdPnd', signal) === true);
}

/** Whether a signal is in one of the sets of `/proc/PID/status`. */
function isIn(status: string, set: string, signal: NodeJS.Signals): boolean | undefined {
  const mask = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
  if (mask === undefined) return undefined;
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

/** Whether another thread of this process runs, or would if it got a processor (proc(5)). */
export function hasOtherThreadAtWork(): boolean {
  let threads: string[];
  try {
    threads = readdirSync('/proc/self/task');
  } catch {
    return false; // no /proc on this system
  }
  return threads.some((thread) => {
    if (thread === `${process.pid}`) return false; // the main thread, which is at work here
    const stat = read(`/proc/self/task/${thread}/stat`) ?? '';
    return stat.startsWith('R', stat.lastIndexOf(')') + 2);
  });
}

/** Whether Ctrl-C on the terminal reaches this process: its group is the terminal's foreground group (proc(5)). */
export function isInForeground(): boolean {
  const stat = read('/proc/self/stat');
  if (stat === undefined) return isatty(0);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] === fields[5];
}
