import type { OnceAbandonedError } from '../errors/once-errors.ts';
import type { Lock } from '../lock/lock.ts';
import type { CurrentRun } from './current.ts';
import type { Terms } from './judgement.ts';
import type { OnceRecord } from './record.ts';
import { hasEnded } from './state.ts';
import { stopperOf } from './stop.ts';
import type { Store } from './store.ts';

/** What the work of a run gets. */
export interface RunContext {
  /** Aborts when nobody in this process wants the result any more, or the lock is lost. */
  readonly signal: AbortSignal;
  /** 1, and more when earlier runs ended without a result. */
  readonly attempt: number;
}

/** The same for work that is a command. */
export interface CommandContext extends RunContext {
  readonly lock: Lock;
  readonly current: CurrentRun;
}

/** Thrown by work that ended without a result: it was aborted, or its command was ended by a signal. */
export class NoResult extends Error {
  /** What the call that ran rejects with. */
  readonly reason: unknown;

  /** `how`: in words that follow "the run", such as `was ended by SIGTERM`. */
  constructor(how: string, reason: unknown) {
    super(how);
    this.reason = reason;
  }
}

/** Everything about one possible run. */
export interface Job {
  readonly key: string;
  readonly project: string | null;
  readonly store: Store;
  readonly work: (context: CommandContext) => unknown;
  /** Ends those of its callers whose attempts are used up; whether there are no others. */
  readonly giveUp: (error: OnceAbandonedError) => boolean;
  /** What was known when the call came: what is known later is of runs it waited for. */
  readonly before: Marks;
  /** The run whose success was found not to hold any more. */
  readonly rejected: string | undefined;
  /** The lock was held after that. */
  readonly waited: boolean;
  readonly terms: () => Promise<Terms>;
  readonly signal: AbortSignal;
  readonly task?: CurrentRun['task'];
}

/** The runs that were known at one moment. */
export interface Marks {
  readonly success: string | undefined;
  readonly failure: string | undefined;
  /** The run that had begun without an outcome so far. */
  readonly current: string | undefined;
  /** The last run without an outcome, if nobody could wait for it: it was stopped, had ended, or another command's had begun since. */
  readonly over: string | undefined;
}

export function marksOf(store: Store): Marks {
  const current = store.current();
  const own = current !== undefined && store.counts(current) ? current : undefined;
  const isOver = own !== undefined && (hasEnded(own) || stopperOf(store, own) !== undefined);
  return {
    success: store.success()?.header.id,
    failure: store.failure()?.header.id,
    current: current?.id,
    over: isOver ? own.id : store.passed()?.id,
  };
}

/** A success, and whether this call has seen its run. */
export interface Outcome {
  readonly record: OnceRecord;
  /** `own`: this call ran it. `shared`: it was under way when the call came. `recorded`: it was over by then. */
  readonly from: 'own' | 'shared' | 'recorded';
}
