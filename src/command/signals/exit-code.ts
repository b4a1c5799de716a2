import { constants } from 'node:os';

/** What a shell adds to the number of a signal, for the exit code that tells of it. */
export const SIGNAL_BASE = 128;

/** The shell's way to tell of a signal in an exit code. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return SIGNAL_BASE + (constants.signals[signal] ?? 0);
}

/** The signals that are sent to end things. */
const ENDING = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGKILL', 'SIGTERM'] as const;

/** A shell tells in its exit code that its command was ended by one of the signals that are sent to end things. */
export function signalBehind(code: number): NodeJS.Signals | undefined {
  return ENDING.find((name) => code === exitCodeOfSignal(name));
}
