import { HoldfastError } from './base.ts';
import { forAnother, printable, shown } from './describe.ts';

/** What a run's failure says of itself to the processes that did not run it. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** The `code` of the error that was thrown, if it had one. */
  readonly code?: string | undefined;
  /** What a command that failed has left: its exit code and more. */
  readonly outcome?: unknown;
}

/** Facts about a failed run. */
export interface FailedRun {
  readonly key: string;
  readonly failure: Failure;
  /** When it ended, ISO 8601. */
  readonly finished: string;
  /** Who ran it, in words. */
  readonly by: string;
  /** Milliseconds for which the failure still answers for a run; 0 when the next call runs again. */
  readonly remembered: number;
  /** The command line that forgets it. */
  readonly reset: string;
}

/** A run of `once` in another process failed, and this call shares its outcome. */
export class OnceFailedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_ONCE_FAILED';
  readonly key: string;
  /** The error of the run. */
  readonly failure: Failure;
  readonly finished: string;

  constructor({ key, failure, finished, by, remembered, reset }: FailedRun) {
    const what = `${printable(failure.name)}: ${printable(failure.message)}`;
    const next =
      remembered > 0
        ? `It is remembered ${forAnother(remembered)}; to run it now, first: ${reset}`
        : 'It is not remembered: the next call runs again';
    super(OnceFailedError.code, `The run of ${shown(key)} by ${by} failed: ${what}. ${next}.`);
    this.key = key;
    this.failure = failure;
    this.finished = finished;
  }
}

/** Runs of `once` ended without a result, one after the other, and this call does not try yet another time. */
export class OnceAbandonedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_ONCE_ABANDONED';
  readonly key: string;
  /** How many runs in a row had no result. */
  readonly attempts: number;

  constructor(key: string, attempts: number, last: string) {
    super(
      OnceAbandonedError.code,
      `${shown(key)} was tried ${attempts === 1 ? 'once' : `${attempts} times in a row`} without a result; the last run ${last}. ` +
        'Find out why its runs end early; a new call tries again.',
    );
    this.key = key;
    this.attempts = attempts;
  }
}

/** Somebody stopped the run of `once` this call waited for (`holdfast once --stop`). It was not run again. */
export class OnceStoppedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_ONCE_STOPPED';
  readonly key: string;

  /** `by`: who stopped it, in words. */
  constructor(key: string, by: string) {
    super(
      OnceStoppedError.code,
      `${shown(key)} was stopped while this call waited for it, by ${by}; there is no result. A new call runs it.`,
    );
    this.key = key;
  }
}

/** The result of a run could not be recorded, so no other call can have it. */
export class UnrecordedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_UNRECORDED';
  readonly key: string;
  /** Whether the work was done; `value` is then what it returned. */
  readonly ran: boolean;
  readonly value: unknown;
  /** Why, in words: `ENOSPC in <directory>`, or what in the value cannot be recorded. */
  readonly reason: string;

  constructor(
    key: string,
    reason: string,
    run?: { readonly value: unknown },
    options: { readonly cause?: unknown } = {},
  ) {
    const effect =
      run === undefined
        ? 'so it was not run'
        : 'though the run itself went well (see the value of this error); the next call runs again';
    super(
      UnrecordedError.code,
      `The result of ${shown(key)} cannot be recorded, ${effect}: ${reason}.`,
      options.cause,
    );
    this.key = key;
    this.ran = run !== undefined;
    this.value = run?.value;
    this.reason = reason;
  }
}

/** What `once` has recorded cannot be read, or not be removed: that is not the same as nothing. Nothing was run. */
export class InaccessibleError extends HoldfastError {
  static override readonly code = 'HOLDFAST_INACCESSIBLE';
  readonly path: string;

  /** `reason`: the system's code, and what to do, in words. */
  constructor(path: string, verb: 'read' | 'removed', reason: string, cause: unknown) {
    super(
      InaccessibleError.code,
      `What once has recorded in ${printable(path)} cannot be ${verb}: ${reason}.`,
      cause,
    );
    this.path = path;
  }
}

/** A command was started by its own run, which it would wait for. */
export class OnceInsideError extends HoldfastError {
  static override readonly code = 'HOLDFAST_ONCE_INSIDE';
  readonly key: string;

  constructor(key: string) {
    super(
      OnceInsideError.code,
      `${shown(key)} is being run around this very call, which would wait for itself. Use another ID inside`,
    );
    this.key = key;
  }
}

/** The run of a command ended, and has no result that anybody else could get. */
export class NoResultError extends HoldfastError {
  static override readonly code = 'HOLDFAST_NO_RESULT';
  readonly key: string;
  /** What ended it, if it was a signal. */
  readonly signal: NodeJS.Signals | undefined;
  /** That of the command, if it ended by one. */
  readonly exitCode: number | undefined;

  /** `how`: in words that follow the key. */
  constructor(
    key: string,
    how: string,
    ending: { readonly signal?: NodeJS.Signals | undefined; readonly exitCode?: number | undefined },
  ) {
    super(NoResultError.code, `${shown(key)} ${how}`);
    this.key = key;
    this.signal = ending.signal;
    this.exitCode = ending.exitCode;
  }
}

/** Why a run was not stopped: `outlived` is the only one after which something was signalled. */
export type ObstacleToStop = 'unverified' | 'program' | 'forbidden' | 'outlived';

/** A run could not be stopped, or was left alone because nobody can tell for certain which process it is. */
export class NotStoppedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_NOT_STOPPED';
  readonly key: string;
  readonly why: ObstacleToStop;

  constructor(key: string, why: ObstacleToStop, message: string) {
    super(NotStoppedError.code, message);
    this.key = key;
    this.why = why;
  }
}

/** A call in the background ended without an outcome on record. */
export class BackgroundError extends HoldfastError {
  static override readonly code = 'HOLDFAST_BACKGROUND';
  readonly key: string;
  /** The code of the error there, if it had one. */
  readonly reason: string | undefined;
  /** That of the command, if it ended by one. */
  readonly exitCode: number | undefined;
  /** What ended the command, if it was a signal. */
  readonly signal: NodeJS.Signals | undefined;

  constructor(
    key: string,
    message: string,
    { reason, exitCode, signal }: Partial<Pick<BackgroundError, 'reason' | 'exitCode' | 'signal'>> = {},
  ) {
    super(BackgroundError.code, message);
    this.key = key;
    this.reason = reason;
    this.exitCode = exitCode;
    this.signal = signal;
  }
}
