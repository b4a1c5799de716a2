import { printable } from '../../errors/describe.ts';
import { actFor } from '../../identity/self.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError, report } from '../report.ts';
import { notHeldAround } from '../run/held.ts';
import { exitCodeOfSignal } from '../run/interrupt.ts';
import { Interrupted } from '../run/signals.ts';
import { Interruption } from './interruption.ts';
import { RunNotice } from './notice.ts';
import type { OnceCall } from './options.ts';
import { commandOutcomeIn } from './outcome.ts';
import { type Performed, perform } from './perform.ts';
import { replay, tellFailure, tellGaps, tellUnrecorded } from './present.ts';
import { type Task, taskOfCall } from './task.ts';

/** `holdfast once ID -- COMMAND`: runs it here, or waits for who runs it, and ends as the command did. */
export async function runHere(call: OnceCall): Promise<void> {
  const interruption = new Interruption();
  try {
    const task = taskOfCall(call);
    refuseInside(task);
    actFor(call.words.join(' '));
    const notice = new RunNotice(call.id, call.flags);
    const stopNotice = notice.follow(task.place.locks.pathOf({ name: task.place.lock }));
    const performed = await perform(call, task, { output: 'shown', interruption, onRun: stopNotice }).finally(
      stopNotice,
    );
    present(call, task, performed);
    process.exit(performed.exitCode);
  } catch (error) {
    if (error instanceof Interrupted) process.exit(exitCodeOfSignal(error.signal));
    process.exit(report(error, call.flags));
  }
}

/** A task that is started again by its own command would wait for itself. */
export function refuseInside({ id, place }: Task): void {
  const wish = { label: id, target: { name: place.lock }, mode: 'exclusive' } as const;
  if (notHeldAround([wish], place.locks, '').length > 0) return;
  throw new CliError(
    exitCodes.failure,
    `${printable(id)} is being run around this very call, which would wait for itself. Use another ID inside`,
  );
}

/** Prints what the caller has not seen yet: all of another one's run; of its own, only that it failed. */
export function present({ id, flags }: OnceCall, task: Task, performed: Performed): void {
  const { record, from, unrecorded } = performed;
  const quiet = flags.quiet === true;
  if (record.header.kind === 'failure') {
    if (!quiet) tellFailure(task, record, from === 'own' ? 'alone' : 'with stderr', flags);
    if (!quiet && unrecorded !== undefined) tellUnrecorded(id, unrecorded, flags);
    return;
  }
  if (from !== 'own') replay(task.store, record);
  const outcome = commandOutcomeIn(record);
  if (!quiet && outcome !== undefined) tellGaps(id, outcome, flags);
}
