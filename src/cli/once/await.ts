import { holders as describeHolders, duration, holder, printable } from '../../errors/describe.ts';
import { OnceStoppedError } from '../../errors/once-errors.ts';
import { after } from '../../lock/deadline.ts';
import type { CurrentRun } from '../../once/current.ts';
import { onceCommand } from '../../once/hint.ts';
import type { OnceRecord } from '../../once/record.ts';
import { type OnceState, stateOf } from '../../once/state.ts';
import { stopperOf } from '../../once/stop.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import { Background, type News } from './background.ts';
import { LogFollower } from './follow.ts';
import { present, refuseInside } from './foreground.ts';
import { RunNotice } from './notice.ts';
import type { OnceCall } from './options.ts';
import { commandOutcomeIn } from './outcome.ts';
import { exitCodeIn, replay, tellFailure } from './present.ts';
import { type Task, taskOfCall } from './task.ts';

const MOST_STARTS = 3;

/**
 * `--wait` and `--follow`: the run is in the background, in a process that is started if there is a COMMAND and none
 * runs it, so that nothing that happens to this one disturbs it.
 */
export async function awaitRun(call: OnceCall): Promise<void> {
  const task = taskOfCall(call);
  refuseInside(task);
  const late = new AbortController();
  const { timeout = Number.POSITIVE_INFINITY } = call.flags;
  const stopTimer = after(timeout, () => late.abort(), 'alive');
  const notice = new RunNotice(call.id, call.flags);
  const follower = new Follower(call, task);
  const tooLate = new Promise<never>((_resolve, reject) => {
    late.signal.addEventListener('abort', () => reject(timeIsUp(call, task)));
  });
  try {
    const record = await Promise.race([
      outcome(call, task, { notice, follower, signal: late.signal }),
      tooLate,
    ]);
    notice.end();
    finish(call, task, record, follower.end());
    process.exit(exitCodeIn(record));
  } finally {
    stopTimer();
    notice.end();
  }
}

interface Watching {
  readonly notice: RunNotice;
  readonly follower: Follower;
  readonly signal: AbortSignal;
}

function outcome(call: OnceCall, task: Task, watching: Watching): Promise<OnceRecord> {
  return call.words.length > 0 ? started(call, task, watching) : underWay(task, watching);
}

/** Has it run in the background. Should that process be killed, another one is started. */
async function started(call: OnceCall, task: Task, { notice, follower }: Watching): Promise<OnceRecord> {
  for (let starts = 0; starts < MOST_STARTS; starts++) {
    let last: News | undefined;
    await new Background(call).listen((news) => {
      last = news;
      if (news.event === 'waiting' || news.event === 'running') {
        tellOf(notice, task);
        follower.begin();
      }
    });
    if (last?.event === 'error') throw new CliError(last.exitCode, last.message);
    const { last: record, current } = stateOf(task.id, task.place);
    if (last?.event === 'end' && record !== undefined) return record;
    refuseStopped(task, current);
  }
  const why = `${printable(task.id)} was started ${MOST_STARTS} times in the background, and ended each time without a word`;
  throw new CliError(exitCodes.failure, why);
}

/** Waits for a run that somebody else has started; what is finished already is taken as it is. */
async function underWay(task: Task, { notice, follower, signal }: Watching): Promise<OnceRecord> {
  const { id, place } = task;
  for (let awaited: CurrentRun | undefined; ; ) {
    const state = stateOf(id, place);
    if (state.name !== 'running') {
      if (awaited?.id === state.current?.id) refuseStopped(task, awaited);
      if (awaited !== undefined && state.name === 'none') throw forgotten(id);
      return finished(state);
    }
    awaited = state.current;
    tellOf(notice, task);
    follower.begin();
    await place.locks.untilFree({ name: place.lock }, { signal });
  }
}

/** A run that was stopped is not started again for those who waited for it. */
function refuseStopped({ id, store }: Task, run: CurrentRun | undefined): void {
  const stopper = run === undefined ? undefined : stopperOf(store, run);
  if (stopper !== undefined) throw new OnceStoppedError(id, holder(stopper));
}

function forgotten(id: string): CliError {
  const why = `${printable(id)} was stopped and forgotten while this call waited for it; there is no result`;
  return new CliError(exitCodes.failure, why);
}

/** @throws {CliError} when there is nothing to take. */
export function finished(state: OnceState): OnceRecord {
  const { key, name, last, current } = state;
  if (last !== undefined && current === undefined) return last;
  const what =
    name === 'none'
      ? 'was never started'
      : name === 'running'
        ? 'is still running'
        : `has no result: its last run ${current?.ended ?? 'died'}`;
  const next =
    name === 'running'
      ? `Wait: ${onceCommand('--wait', key, state)}`
      : `Start it: ${onceCommand('--wait', key, state)} -- COMMAND`;
  throw new CliError(exitCodes.failure, `${printable(key)} ${what}. ${next}`);
}

function finish(call: OnceCall, task: Task, record: OnceRecord, followed: string | undefined): void {
  const seen = followed === record.header.id;
  if (!seen) {
    present(call, task, { record, from: 'shared', exitCode: exitCodeIn(record) });
  } else if (record.header.kind === 'failure') {
    if (call.flags.quiet !== true) tellFailure(task, record, 'alone', call.flags);
  } else if (commandOutcomeIn(record) === undefined) {
    replay(task.store, record);
  }
}

/** Says who runs it, unless that is over by now, or just ending, when its record is gone: there is nothing to wait for. */
function tellOf(notice: RunNotice, task: Task): void {
  const holders = holdersOf(task).filter(({ foreign }) => foreign !== true);
  if (holders.length > 0) notice.begin(holders);
}

function holdersOf({ place }: Task) {
  return place.locks.inspect({ name: place.lock }).holders;
}

function timeIsUp({ id, flags }: OnceCall, task: Task): CliError {
  const by = describeHolders(holdersOf(task));
  const [peek, follow] = ['--peek', '--follow'].map((flag) => onceCommand(flag, id, task.place));
  const next = `Look: ${peek} · follow: ${follow}`;
  const what = `${printable(id)} is still being run by ${by}; waited ${duration(flags.timeout ?? 0)}, and it goes on`;
  return new CliError(exitCodes.timeout, `${what}. ${next}`);
}

/** Follows the log of the run that is under way, if that is wanted. */
class Follower {
  readonly #call: OnceCall;
  readonly #task: Task;
  #log: LogFollower | undefined;
  #id: string | undefined;

  constructor(call: OnceCall, task: Task) {
    this.#call = call;
    this.#task = task;
  }

  begin(): void {
    if (this.#call.deed !== 'follow') return;
    const current = this.#task.store.current();
    if (current === undefined || current.id === this.#id) return;
    this.#log?.end();
    this.#id = current.id;
    this.#log = new LogFollower(this.#task.store, current);
  }

  /** Which run was followed, to its end. */
  end(): string | undefined {
    this.#log?.end();
    return this.#id;
  }
}
