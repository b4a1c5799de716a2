import { heldAround } from '../../command/held.ts';
import type { Interruption } from '../../command/signals/interruption.ts';
import { DEFAULT_GRACE } from '../../command/signals/process-group.ts';
import { succeeds } from '../../command/succeeds.ts';
import { NoResultError, OnceFailedError } from '../../errors/once-errors.ts';
import type { Lock } from '../../lock/lock.ts';
import { runBehind } from '../failure.ts';
import type { Outcome } from '../job.ts';
import { outcomeOf } from '../once.ts';
import { execute } from './execute.ts';
import { exitCodeIn } from './exit-code.ts';
import type { BackgroundCall, CommandOptions } from './options.ts';
import { CommandFailed, taskOf } from './outcome.ts';
import { digestOf, type RunKey } from './run-key.ts';
import type { Sink } from './sink.ts';
import { isAwaited } from './wanted.ts';

/** How a call for a command ended: with the outcome of a run, whoever ran it. */
export interface Performed {
  readonly record: Outcome['record'];
  readonly from: Outcome['from'];
  readonly exitCode: number;
  /** Why the record, of a failure, is not on the disk, if it is not. */
  readonly unrecorded?: string | undefined;
}

/** What is run, and how. */
export interface Performance extends CommandOptions, Pick<BackgroundCall, 'words' | 'before'> {
  /** The longest wait for another's run. */
  readonly timeout?: number | undefined;
}

/** Where it is run. */
export interface Stage {
  /** Where its output goes beside the logs. */
  readonly sink?: Sink | undefined;
  /** `own`: the command gets the input of this process, unless that is a terminal. */
  readonly input: 'own' | 'none';
  readonly interruption: Pick<Interruption, 'wait' | 'began' | 'passTo'>;
  /** Called when the command is about to be started by this process. */
  readonly onRun: (lock: Lock) => void;
}

/** Runs a command under its key, unless its outcome is recorded or somebody runs it: then waits for that. */
export async function perform(key: RunKey, plan: Performance, stage: Stage): Promise<Performed> {
  const { id, place, store } = key;
  const { words, validate, grace = DEFAULT_GRACE, scope: _, anyCommand = false, ...options } = plan;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  let check: Promise<boolean> | undefined;
  const validation = (command: string) => () => {
    check = succeeds(command, stage.interruption.wait, grace);
    return check;
  };
  try {
    const outcome = await outcomeOf(
      id,
      (context) => {
        stage.interruption.began();
        stage.onRun(context.lock);
        const { sink, input, interruption } = stage;
        const isWanted = () => isAwaited(place, words);
        return execute({ id, words, store, sink, input, interruption, grace, isAwaited: isWanted }, context);
      },
      {
        ...Object.fromEntries(given),
        ...(validate === undefined ? {} : { validate: validation(validate) }),
        signal: stage.interruption.wait,
        task: taskOf(words, digestOf(words), grace),
        at: { place, store },
        holding: heldAround(),
        ...(anyCommand ? { purpose: words.join(' ') } : {}),
      },
    );
    return { ...outcome, exitCode: exitCodeIn(outcome.record) };
  } catch (error) {
    if (error instanceof CommandFailed) return failure(key, error, 'own');
    if (error instanceof OnceFailedError) return failure(key, error, 'shared');
    throw error;
  } finally {
    await check?.catch(() => {}); // this process does not end before what it has started
  }
}

/** The failure that an error is of, and no other: what is on record by now may be of another run. */
function failure({ id }: RunKey, error: CommandFailed | OnceFailedError, from: 'own' | 'shared'): Performed {
  const run = runBehind(error);
  if (run !== undefined) return { ...run, from, exitCode: exitCodeIn(run.record) };
  const ending = error instanceof CommandFailed ? { exitCode: error.outcome.exitCode } : {};
  throw new NoResultError(
    id,
    `failed: ${error.message}; its lock was lost while it ran, so this is not on record`,
    ending,
  );
}
