import { printable } from '../../errors/describe.ts';
import { OnceFailedError } from '../../errors/once-errors.ts';
import { runBehind } from '../../once/failure.ts';
import type { Outcome } from '../../once/job.ts';
import { outcomeOf } from '../../once/once.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import { heldAround } from '../run/held.ts';
import { execute } from './execute.ts';
import type { Interruption } from './interruption.ts';
import { type OnceCall, scopeOf, shownWords } from './options.ts';
import { CommandFailed, taskOf } from './outcome.ts';
import { exitCodeIn } from './present.ts';
import { inputsMatching, succeeds, type Task } from './task.ts';

/** How a call for a task ended: with the outcome of a run, whoever ran it. */
export interface Performed {
  readonly record: Outcome['record'];
  readonly from: Outcome['from'];
  readonly exitCode: number;
  /** Why the record, of a failure, is not on the disk, if it is not. */
  readonly unrecorded?: string | undefined;
}

export interface Stage {
  readonly output: 'shown' | 'background';
  readonly interruption: Interruption;
  /** Called when the command is about to be started by this process. */
  readonly onRun: () => void;
}

/** Runs the command of a call, unless its outcome is recorded or somebody runs it: then waits for that. */
export async function perform(call: OnceCall, task: Task, stage: Stage): Promise<Performed> {
  const { flags } = call;
  const { store } = task;
  const words = call.words as [string, ...string[]];
  const { ttl, failureTtl, timeout, attempts, directory, validate } = flags;
  const given = Object.entries({ ttl, failureTtl, timeout, attempts, directory });
  let check: Promise<boolean> | undefined;
  const validation = (command: string) => () => {
    check = succeeds(command, stage.interruption.wait);
    return check;
  };
  try {
    const outcome = await outcomeOf(
      call.id,
      (context) => {
        stage.interruption.began();
        stage.onRun();
        const { output, interruption } = stage;
        return execute({ id: call.id, words, store, output, stop: interruption.stop }, context);
      },
      {
        ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
        ...(flags.inputs === undefined ? {} : { inputs: await inputsMatching(flags.inputs) }),
        ...(validate === undefined ? {} : { validate: validation(validate) }),
        scope: scopeOf(flags),
        signal: stage.interruption.wait,
        task: taskOf(shownWords(call)),
        holding: heldAround(),
      },
    );
    return { ...outcome, exitCode: exitCodeIn(outcome.record) };
  } catch (error) {
    if (error instanceof CommandFailed) return failure(task, error, 'own');
    if (error instanceof OnceFailedError) return failure(task, error, 'shared');
    throw error;
  } finally {
    await check?.catch(() => {}); // this process does not end before what it has started
  }
}

/** The failure that an error is of, and no other: what is on record by now may be of another run. */
function failure({ id }: Task, error: CommandFailed | OnceFailedError, from: 'own' | 'shared'): Performed {
  const run = runBehind(error);
  if (run !== undefined) return { ...run, from, exitCode: exitCodeIn(run.record) };
  const exitCode = error instanceof CommandFailed ? error.outcome.exitCode : exitCodes.failure;
  const why = 'its lock was lost while it ran, so this is not on record';
  throw new CliError(exitCode, `${printable(id)} failed: ${error.message}; ${why}`);
}
