import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { systemCode } from '../../errors/base.ts';
import { Interrupted } from '../run/signals.ts';

/** How long a command that is to stop has between SIGTERM and SIGKILL. Milliseconds. */
const GRACE = 5_000;

export interface Stopping {
  /** The signal that was sent, if one was: whatever exit code the command then ends with is not a result. */
  readonly begun: NodeJS.Signals | undefined;
  over(): void;
}

function signalOf(reason: unknown): NodeJS.Signals {
  if (reason instanceof Interrupted) return reason.signal;
  return typeof reason === 'string' && reason in constants.signals ? (reason as NodeJS.Signals) : 'SIGTERM';
}

/**
 * Ends the whole group that a command leads when it is to stop, by the signal that the reason names: what is left of it
 * after the grace period is killed.
 */
export function stopOnAbort(child: ChildProcess, signal: AbortSignal): Stopping {
  let timer: NodeJS.Timeout | undefined;
  let begun: NodeJS.Signals | undefined;
  const stop = () => {
    begun = signalOf(signal.reason);
    signalGroup(child, begun);
    timer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return {
    get begun() {
      return begun;
    },
    over() {
      signal.removeEventListener('abort', stop);
      if (timer === undefined) return;
      clearTimeout(timer);
      signalGroup(child, 'SIGKILL'); // members that outlived the leader
    },
  };
}

/** The group of a process that was this process' own child a moment ago cannot be another one's yet. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
