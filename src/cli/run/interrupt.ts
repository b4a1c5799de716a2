import { constants } from 'node:os';
import { exitCodes } from '../exit-codes.ts';

/** The shell's way to tell of a signal in an exit code. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return exitCodes.signalBase + (constants.signals[signal] ?? 0);
}
