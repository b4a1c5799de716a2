import { spawn } from 'node:child_process';
import { identityOf, type StartOnRecord } from './on-record.ts';

/**
 * For where no process can wait and then become the command: the record says that one is about to start.
 *
 * Trace (W this process, C the command; W is killed):
 *  1. Before the record says `starting`: there is no C, and W's locks are free.
 *  2. Before, in or after the start of C, until the record names it: whether C runs cannot be told, so that the locks stay
 *     held until a person breaks the claim, or the machine restarts.
 *  3. The record names C: the locks are C's until it ends.
 */
export const startAnnounced: StartOnRecord = ([file, ...args], options, record) => {
  record('starting');
  const command = spawn(file, args, { ...options, stdio: [...options.stdio] });
  if (command.pid === undefined) return command;
  try {
    record(identityOf(command.pid));
  } catch {
    // A disk that has filled up just now: `starting` stands, and keeps the locks as well.
  }
  return command;
};
