import { startListener } from '../dictated.ts';
import { exactCommand } from '../exact.ts';
import { refuseUnrunnable } from '../runnable.ts';
import { startAnnounced } from './announced.ts';
import { identityOf, type StartOnRecord } from './on-record.ts';

/**
 * Starts a shell that waits for the command, puts it on record, and tells it the command: only then it becomes that, by
 * `exec`, and keeps the process id and the start time that were recorded.
 *
 * Trace (W this process, S the shell, C the command that S becomes; W is killed):
 *  1. Before W starts S: there is no C, and W's locks are free.
 *  2. S runs and is not on record: the locks are free, and S reads the end of its input, whenever it comes to that. So it
 *     ends and never becomes C, though another holder be at work by then.
 *  3. S is on record, and W has not told all of C: as 2, and the locks are free when S has ended.
 *  4. W has told C: S becomes C, if it was not killed itself. It is on record since 3, so the locks are its own until it
 *     ends.
 *  The record cannot be written: W never tells C, and ends S.
 *  Nobody but W can, for W's end of the connection is closed in every process that W starts.
 */
export const startHeldBack: StartOnRecord = (words, options, record) => {
  const command = exactCommand(words, options.env);
  refuseUnrunnable(command);
  const shell = startListener(options);
  if (shell === undefined) return startAnnounced(words, options, record);
  const { process: child } = shell;
  if (child.pid === undefined) return child;
  try {
    record(identityOf(child.pid));
  } catch (error) {
    shell.dismiss();
    throw error;
  }
  shell.dictate(command);
  return child;
};
