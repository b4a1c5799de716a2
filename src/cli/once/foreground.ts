import { endBySignal } from '../../command/signals/end.ts';
import { Interruption } from '../../command/signals/interruption.ts';
import { Interrupted } from '../../command/signals/signals.ts';
import { BackgroundError, NoResultError } from '../../errors/once-errors.ts';
import { actFor } from '../../identity/self.ts';
import type { Lock } from '../../lock/lock.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { refuseInside } from '../../once/command/inside.ts';
import { gapsIn, replay } from '../../once/command/log.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import { type Performed, perform } from '../../once/command/perform.ts';
import { ReaderGone } from '../../once/command/sink.ts';
import type { OnceRecord } from '../../once/record.ts';
import { outlet } from '../output/outlet.ts';
import { noteRecovery } from '../output/text.ts';
import type { GlobalOptions } from '../settings.ts';
import { tell } from '../tell.ts';
import { RunNotice } from './notice.ts';
import { type OnceCall, wordsOf } from './options.ts';
import { refuseGaps, tellGaps, tellUnrecorded } from './present.ts';
import { commandOptions, type Task, taskOfCall } from './task.ts';

/** `holdfast once ID -- COMMAND`: runs it here, or waits for who runs it, and ends as the command did. */
export async function runHere(call: OnceCall): Promise<void> {
  const interruption = new Interruption();
  try {
    const task = taskOfCall(call);
    refuseInside(task);
    actFor(call.words.join(' '));
    const notice = new RunNotice(call.id, call.flags);
    const stopNotice = notice.follow(task.place.locks.pathOf({ name: task.place.lock }));
    const plan = {
      ...(await commandOptions(call)),
      words: wordsOf(call),
      timeout: call.flags.timeout,
    };
    const onRun = ({ recovered }: Lock) => {
      stopNotice();
      if (recovered) noteRecovery(call.id);
    };
    const performed = await perform(task, plan, {
      sink: outlet(),
      input: 'own',
      interruption,
      onRun,
    }).finally(stopNotice);
    await present(call, task, performed);
    endAs(performed.record);
  } catch (error) {
    await endWith(error, call.flags);
  }
}

/** Ends this process as an error asks: by a signal that ended the wait or the command, or as one whose reader has gone. */
export async function endWith(error: unknown, flags: GlobalOptions): Promise<never> {
  if (error instanceof Interrupted) endBySignal(error.signal);
  if (error instanceof ReaderGone) endBySignal(error.signal);
  const isOfCommand = error instanceof NoResultError || error instanceof BackgroundError;
  const signal = isOfCommand ? error.signal : undefined;
  if (signal === 'SIGPIPE') endBySignal(signal);
  const exitCode = await tell(error, flags);
  if (signal !== undefined) endBySignal(signal);
  process.exit(exitCode);
}

/** Ends this process as the command ended whose outcome this is. */
export function endAs(record: OnceRecord): never {
  const signal = commandOutcomeIn(record)?.signal;
  if (signal !== undefined) endBySignal(signal);
  process.exit(exitCodeIn(record));
}

/**
 * Prints what the caller has not seen yet: all of another one's run; of its own, only that it failed. With `--complete`,
 * nothing of an output that is not.
 */
export async function present({ id, flags }: OnceCall, task: Task, performed: Performed): Promise<void> {
  const { record, from, unrecorded } = performed;
  const quiet = flags.quiet === true;
  if (record.header.kind === 'failure') {
    const { tellFailure } = await import('./tell-failure.ts');
    if (!quiet) tellFailure(task, performed, from === 'own' ? 'alone' : 'with stderr', flags);
    if (!quiet && unrecorded !== undefined) tellUnrecorded(id, unrecorded, flags);
    return;
  }
  if (from === 'own') return;
  const gaps = gapsIn(task.store, record);
  if (flags.complete === true) refuseGaps(id, gaps);
  await replay(task.store, record, outlet());
  tellGaps(id, gaps, flags);
}
