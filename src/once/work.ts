import { UnrecordedError } from '../errors/once-errors.ts';
import type { Lock } from '../lock/lock.ts';
import { anyOf } from '../lock/on-abort.ts';
import { Date, performance } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import type { CurrentRun } from './current.ts';
import { failureBody, keepRunBehind, messageOf } from './failure.ts';
import { type Job, NoResult } from './job.ts';
import type { Terms } from './judgement.ts';
import type { OnceRecord } from './record.ts';
import type { Store } from './store.ts';
import { encodeValue } from './value.ts';

/** Does the work of a run and publishes how it ended: steps 3 and 4 of `takeTurn`. */
export async function work(lock: Lock, current: CurrentRun, job: Job, terms: Terms): Promise<OnceRecord> {
  const { key, store } = job;
  const clock = performance.now();
  const signal = anyOf([job.signal, lock.signal]);
  const record = (kind: OnceRecord['header']['kind'], body: Buffer, ttl: number): OnceRecord => ({
    header: {
      key,
      project: current.project,
      id: current.id,
      run: current.run,
      started: current.started,
      finished: new Date().toISOString(),
      took: Math.round(performance.now() - clock),
      ttl: ttl === Number.POSITIVE_INFINITY ? null : ttl,
      ...(current.task === undefined ? {} : { command: current.task.digest }),
      inputs: terms.inputs,
      by: current.by,
      kind,
    },
    body,
  });

  let value: unknown;
  try {
    value = await job.work({ signal, attempt: current.attempt, lock, current });
  } catch (error) {
    trace?.(lock.path, `run ${current.run} failed: ${error}`);
    if (error instanceof NoResult) lock.assertHeld(); // the loss that ended it says more
    if (!isHeld(lock)) throw error; // others may be at work here by now
    if (error instanceof NoResult || signal.aborted) {
      endWithout(store, current, error instanceof NoResult ? error.message : 'was aborted', clock);
      throw error instanceof NoResult ? error.reason : error;
    }
    await publishFailure(job, current, record('failure', failureBody(error), terms.failureTtl ?? 0), error);
    throw error;
  }
  lock.assertHeld();
  const encoded = encodeValue(value);
  if (typeof encoded === 'string') {
    const error = new UnrecordedError(key, encoded, { value });
    await publishFailure(job, current, record('failure', failureBody(error), 0), error);
    throw error;
  }
  const success = record(encoded.kind, encoded.body, terms.ttl ?? Number.POSITIVE_INFINITY);
  await store.publish(success, { value });
  trace?.(lock.path, `run ${current.run} succeeded, and is recorded`);
  const { run, started, took } = success.header;
  store.remember({ run, started, took, outcome: 'success', ...exitCodeOf(value) });
  return success;
}

function isHeld(lock: Lock): boolean {
  try {
    lock.assertHeld();
    return true;
  } catch {
    return false;
  }
}

function exitCodeOf(value: unknown): { detail?: number } {
  const code = (value as { exitCode?: unknown } | null | undefined)?.exitCode;
  return typeof code === 'number' ? { detail: code } : {};
}

/** The error of the work matters more than that it cannot be recorded: then it is its own caller's alone. */
async function publishFailure(
  { store }: Job,
  current: CurrentRun,
  record: OnceRecord,
  error: unknown,
): Promise<void> {
  const { run, started, took } = record.header;
  try {
    await store.publish(record, { value: undefined });
    keepRunBehind(error, { record });
  } catch (problem) {
    const unrecorded = problem instanceof UnrecordedError ? problem.reason : messageOf(problem);
    keepRunBehind(error, { record: { ...record, header: { ...record.header, ttl: 0 } }, unrecorded });
    noteEnd(store, current, `failed (${messageOf(error)}), which could not be recorded`);
  }
  const detail = exitCodeOf((error as { outcome?: unknown } | null)?.outcome).detail ?? messageOf(error);
  store.remember({ run, started, took, outcome: 'failure', detail });
}

function endWithout(store: Store, current: CurrentRun, ended: string, clock: number): void {
  const { run, started } = current;
  noteEnd(store, current, ended);
  const took = Math.round(performance.now() - clock);
  store.remember({ run, started, took, outcome: 'no result', detail: ended });
}

function noteEnd(store: Store, current: CurrentRun, ended: string): void {
  try {
    store.note({ ...(store.current() ?? current), ended });
  } catch {
    // A full disk: the run then counts as one that died, which is as good.
  }
}
