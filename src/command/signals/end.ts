import { limits } from '../limits/index.ts';
import { exitCodeOfSignal } from './exit-code.ts';

/** The signals that a shell, a supervisor or a pipeline looks for in the wait status of what it started. */
const TOLD_BY_DEATH = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE'] as const;

/**
 * Ends this process as the command ended that died of a signal, or as the signal asks that ended a wait: by that very
 * signal, so that a shell leaves its loop after Ctrl-C and a supervisor sees what it sent. Of other signals, such as
 * those of a crash, the exit code tells, as a shell's does: 128 + n.
 *
 * Nothing runs on the way out, no listener of `exit` either: put away first what is to be put away. QUIT leaves no core
 * of this process; where none can be prevented, the exit code tells of QUIT as well. So it does of every signal that
 * does not end this process: one that it was started with blocked, or any if it is the first of its pid namespace.
 */
export function endBySignal(signal: NodeJS.Signals): never {
  const isTold = (TOLD_BY_DEATH as readonly string[]).includes(signal);
  if (isTold && (signal !== 'SIGQUIT' || limits.forbidCore())) {
    giveDefault(signal);
    process.kill(process.pid, signal);
  }
  process.exit(exitCodeOfSignal(signal));
}

/** Node.js ignores PIPE from its start, and has USR1 open a debugger; a listener that goes leaves the default behind. */
export function giveDefault(signal: NodeJS.Signals): void {
  process.on(signal, () => {}).removeAllListeners(signal);
}
