import { randomBytes } from 'node:crypto';
import { holder } from '../errors/describe.ts';
import { OnceAbandonedError, OnceStoppedError } from '../errors/once-errors.ts';
import { self } from '../identity/self.ts';
import type { Lock } from '../lock/lock.ts';
import { Date } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import { type CurrentRun, type EndedRun, endedRun } from './current.ts';
import { failed } from './failure.ts';
import type { Job, Outcome } from './job.ts';
import { failureStands, judge, type Terms } from './judgement.ts';
import type { OnceRecord } from './record.ts';
import { hasEnded, howEnded } from './state.ts';
import { stopperOf } from './stop.ts';
import type { Store } from './store.ts';
import { work } from './work.ts';

/**
 * The turn of a caller that got the key's lock: it takes what is there by now, or runs. R is this process.
 *
 *  1. Look again: whoever had the lock before has left its outcome, or died. One that was recorded since the call came
 *     is the outcome of a run the call waited for, and is taken whatever its time to live; so is its failure. It needs no
 *     lock, so it is also looked for while others have that (see `Meanwhile`).
 *  2. `begin`: what could keep the outcome from being recorded is found before anything is run. From here on `current`
 *     says what is under way. R dies: the kernel frees the lock, the next in line finds `current` without an outcome and
 *     runs; with it the number of attempts goes up.
 *  3. The work. R dies or is aborted: as in 2.
 *  4. Check that the lock is held, and publish. R dies before the rename: as in 2, the temporary file is removed at the
 *     next `begin`. After it: the outcome is there, and `current`, of the same run, is overruled by it.
 *  5. The caller releases the lock. R dies before: the outcome is there for the next in line.
 *  R is stopped anywhere: it holds the lock, the others wait. Its lock file is replaced: `signal` aborts the work, and
 *  step 4 publishes nothing.
 */
export async function takeTurn(lock: Lock, job: Job): Promise<Outcome> {
  const { store } = job;
  const terms = await job.terms();
  const awaited = awaitedOutcome(lock.path, job, terms);
  if (awaited !== undefined) return awaited;
  const judged = judge(store, terms);
  if (judged.state === 'fresh' && judged.record.header.id !== job.rejected) {
    trace?.(lock.path, `takes the recorded success of run ${judged.record.header.run}`);
    return { record: judged.record, from: 'recorded' };
  }
  const standing = failureStands(store, terms);
  if (standing !== undefined) throw failed(job.key, standing, terms);
  const current = nextRun(job, terms);
  trace?.(
    lock.path,
    `begins run ${current.run}, attempt ${current.attempt}; what is recorded: ${judged.state}`,
  );
  await store.begin(current);
  return { record: await work(lock, current, job, terms), from: 'own' };
}

/**
 * The outcome of the run that a call waited for: one that was not on record when the call came.
 *
 * @throws {OnceFailedError} it is a failure.
 */
export function awaitedOutcome(path: string, job: Job, terms: Terms): Outcome | undefined {
  const { store, before } = job;
  const success = store.success();
  if (success !== undefined && success.header.id !== before.success && fits(success, terms)) {
    trace?.(path, `takes the success of run ${success.header.run}, which it waited for`);
    return { record: success, from: 'shared' };
  }
  const failure = store.failure();
  if (failure !== undefined && failure.header.id !== before.failure && fits(failure, terms)) {
    trace?.(path, `takes the failure of run ${failure.header.run}, which it waited for`);
    throw failed(job.key, failure, terms);
  }
  return undefined;
}

function fits({ header }: OnceRecord, { inputs }: Terms): boolean {
  return header.inputs === inputs;
}

/** The last run without an outcome that would count here, also when another command's has begun since. */
function withoutOutcome(store: Store): CurrentRun | undefined {
  const last = store.current();
  return last !== undefined && store.counts(last) && last.run > store.lastRun() ? last : store.passed();
}

/**
 * The stop that ended the run which a call waited for; undefined when there was none, or it was over when the call came.
 */
function stopOf(run: CurrentRun | undefined, { key, store, before }: Job): OnceStoppedError | undefined {
  const stopper = run === undefined || run.id === before.over ? undefined : stopperOf(store, run);
  return stopper === undefined ? undefined : new OnceStoppedError(key, holder(stopper));
}

/** How many runs in a row ended without a result for a call that waited, this one last; 0: it did not wait for this one. */
function triedFor(run: EndedRun | undefined, { before, waited }: Job): number {
  if (run === undefined || run.id === before.over) return 0; // what was over when the call came is no reason to give up
  return waited || run.id !== before.current ? run.attempt : 0;
}

/**
 * Why a call that has not got the lock yet waits in vain: the run was stopped, or was the last of its attempts. Only of a
 * run that is over for certain; that may be the one before the run that is under way, which goes by the attempts of another.
 */
export function awaitedEnd(job: Job): OnceStoppedError | OnceAbandonedError | undefined {
  const run = withoutOutcome(job.store);
  if (run === undefined) return undefined;
  if (!isOver(run, job.store)) return run.id === job.before.current ? undefined : lastOf(run.previous, job);
  if (withoutOutcome(job.store)?.id !== run.id) return undefined; // it had its outcome before it was over
  return stopOf(run, job) ?? lastOf(run, job);
}

/** The error of a call whose attempts are used up with this run, whatever those of others are. */
function lastOf(run: EndedRun | undefined, job: Job): OnceAbandonedError | undefined {
  const tried = triedFor(run, job);
  if (run === undefined || tried === 0) return undefined;
  const error = new OnceAbandonedError(job.key, tried, howEnded(run));
  return job.giveUp(error) ? error : undefined;
}

/** It has ended, or another run has begun. */
function isOver(run: CurrentRun, store: Store): boolean {
  return hasEnded(run) || store.current()?.id !== run.id;
}

/**
 * The run that follows on what is recorded. How another command's run ended is no reason for this one to give up, and how
 * its own did is one also when another's came between.
 *
 * @throws {OnceStoppedError} when the last one was stopped while this call waited for it.
 * @throws {OnceAbandonedError} when enough have been tried.
 */
export function nextRun(job: Job, { inputs }: Terms): CurrentRun {
  const { key, project, store, task } = job;
  const last = store.current();
  const recorded = store.lastRun();
  const died = last !== undefined && last.run > recorded ? last : undefined;
  const withoutResult = withoutOutcome(store);
  const stop = stopOf(withoutResult, job);
  if (stop !== undefined) throw stop;
  if (died !== undefined) remember(store, died);
  const end = lastOf(withoutResult, job);
  if (end !== undefined) throw end;
  return {
    key,
    project,
    id: randomBytes(8).toString('hex'),
    run: Math.max(recorded, last?.run ?? 0) + 1,
    attempt: triedFor(withoutResult, job) + 1,
    started: new Date().toISOString(),
    by: self(),
    inputs,
    ...(withoutResult === undefined ? {} : { previous: endedRun(withoutResult) }),
    ...(task === undefined ? {} : { task }),
  };
}

/** A run that died could not write its own line. */
function remember(store: Store, { run, started, ended }: CurrentRun): void {
  if (ended === undefined) store.remember({ run, started, outcome: 'no result', detail: 'died' });
}
