import { exitCodeOfSignal } from '../../command/signals/exit-code.ts';
import { holders as describeHolders, duration, holder, printable } from '../../errors/describe.ts';
import { BackgroundError, OnceStoppedError } from '../../errors/once-errors.ts';
import { after } from '../../lock/deadline.ts';
import { Background } from '../../once/command/background.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { LogFollower } from '../../once/command/follow.ts';
import { refuseInside } from '../../once/command/inside.ts';
import { gapsIn, type Run, replay } from '../../once/command/log.ts';
import type { News } from '../../once/command/news.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import { untilOver } from '../../once/command/until-over.ts';
import type { CurrentRun } from '../../once/current.ts';
import { onceCommand } from '../../once/hint.ts';
import { digestOf } from '../../once/inputs.ts';
import { marksOf } from '../../once/job.ts';
import type { OnceRecord } from '../../once/record.ts';
import { howEnded, type OnceState, stateOf } from '../../once/state.ts';
import { stopperOf } from '../../once/stop.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { outlet, readerGone } from '../output/outlet.ts';
import { whenUnread } from '../output/unread.ts';
import { endAs, endWith, present } from './foreground.ts';
import { RunNotice } from './notice.ts';
import { type OnceCall, wordsOf } from './options.ts';
import { refuseGaps, tellGaps, tellNextRun } from './present.ts';
import { commandOptions, type Task, taskOfCall } from './task.ts';
import { tellFailure } from './tell-failure.ts';
import { runUnderWay } from './under-way.ts';

/** How many processes in the background, which one call starts, may end with neither a run that died nor an outcome. */
const MOST_IDLE = 3;

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
      follower.trouble,
    ]);
    notice.end();
    await finish(call, task, record, await follower.end());
    endAs(record);
  } catch (error) {
    stopTimer();
    notice.end();
    await endWith(error, call.flags); // whatever is still under way here
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

/** Has it run in the background. Should that process be killed, another one is started, which goes on with the attempts. */
async function started(call: OnceCall, task: Task, { notice, follower }: Watching): Promise<OnceRecord> {
  const before = marksOf(task.store);
  const background = { ...(await commandOptions(call)), id: call.id, words: wordsOf(call), before };
  const inputs = await digestOf(background.inputs);
  for (let idle = 0; idle < MOST_IDLE; ) {
    let last: News | undefined;
    let hasRun = false;
    await new Background(background).listen((news) => {
      last = news;
      hasRun ||= news.event === 'running';
      if (news.event !== 'waiting' && news.event !== 'running') return;
      const run = news.event === 'running' ? 'own' : runUnderWay(task, inputs);
      tellOf(notice, task, run === 'own' ? undefined : run);
      if (run === 'own') follower.begin(); // the output of any other is none of this call's
    });
    const record = last?.event === 'end' ? outcomeOf(last.run, task) : undefined;
    if (record !== undefined) return record;
    refuseStopped(task, stateOf(task.id, task.place, task.store).current);
    if (last?.event === 'error') throw new BackgroundError(task.id, last.message, last);
    if (!hasRun || last?.event === 'end') idle++;
  }
  const why = `${printable(task.id)} has no result: ${MOST_IDLE} processes in the background ended without one. Find out what ends them, then try again`;
  throw new CliError(exitCodes.failure, 'HOLDFAST_BACKGROUND', why, { resource: task.id });
}

/** That of this very run: what is recorded last may be made from other inputs. A later one may have taken its place. */
function outcomeOf(run: string, { id, place, store }: Task): OnceRecord | undefined {
  return store.outcomes().find(({ header }) => header.id === run) ?? stateOf(id, place, store).last;
}

/**
 * Waits for a run that somebody else has started; what is finished already is taken as it is. What other commands run
 * behind it is none of its outcome.
 */
async function underWay(task: Task, { notice, follower, signal }: Watching): Promise<OnceRecord> {
  const { id, place } = task;
  let { store } = task;
  for (let awaited: CurrentRun | undefined; ; ) {
    const state = stateOf(id, place, store);
    const { last, current } = state;
    if (awaited !== undefined && last?.header.id === awaited.id) return last;
    if (state.name !== 'running' || current === undefined) {
      if (awaited?.id === current?.id) refuseStopped(task, awaited);
      if (awaited !== undefined && state.name === 'none') throw forgotten(id);
      return finished(state);
    }
    awaited = current;
    store = store.narrowedTo(awaited);
    tellOf(notice, task);
    follower.begin(store);
    await untilOver({ id, place, store }, awaited, signal);
  }
}

/** A run that was stopped is not started again for those who waited for it. */
function refuseStopped({ id, store }: Task, run: CurrentRun | undefined): void {
  const stopper = run === undefined ? undefined : stopperOf(store, run);
  if (stopper !== undefined) throw new OnceStoppedError(id, holder(stopper));
}

/** Ends as the stop of a run that nobody forgot. */
function forgotten(id: string): CliError {
  const why = `${printable(id)} was stopped and forgotten while this call waited for it; there is no result`;
  return new CliError(exitCodeOfSignal('SIGTERM'), 'HOLDFAST_ONCE_STOPPED', why, { resource: id });
}

/** @throws {CliError} when there is nothing to take. */
export function finished(state: OnceState): OnceRecord {
  const { key, name, last, current } = state;
  if (last !== undefined && current === undefined) return last;
  const what =
    current === undefined
      ? 'was never started'
      : name === 'running'
        ? 'is still running'
        : `has no result: its last run ${printable(howEnded(current))}`;
  const next =
    name === 'running'
      ? `Wait: ${onceCommand('--wait', key, state)}`
      : `Start it: ${onceCommand('--wait', key, state)} -- COMMAND`;
  const message = `${printable(key)} ${what}. ${next}`;
  throw new CliError(exitCodes.failure, 'HOLDFAST_NO_RESULT', message, { resource: key });
}

async function finish(
  call: OnceCall,
  task: Task,
  record: OnceRecord,
  followed: Followed | undefined,
): Promise<void> {
  if (followed?.run.id !== record.header.id) {
    if (followed !== undefined) await tellNextRun(call, task.store, followed.run, record.header);
    await present(call, task, { record, from: 'shared', exitCode: exitCodeIn(record) });
    return;
  }
  const outcome = commandOutcomeIn(record);
  if (outcome === undefined) await replay(task.store, record, outlet());
  const gaps = (['stdout', 'stderr'] as const).flatMap((stream) => {
    const dropped = Math.max(0, (outcome?.[stream].bytes ?? 0) - followed.given[stream]);
    const why = gapsIn(task.store, record, [stream])[0]?.why ?? 'this follower fell behind';
    return dropped === 0 ? [] : [{ stream, dropped, why }];
  });
  if (call.flags.complete !== true) tellGaps(call.id, gaps, call.flags);
  if (record.header.kind === 'failure' && call.flags.quiet !== true)
    tellFailure(task, { record }, 'alone', call.flags);
  if (call.flags.complete === true) refuseGaps(call.id, gaps);
}

/** Says who runs it, unless that is over by now, or just ending, when its record is gone: there is nothing to wait for. */
function tellOf(notice: RunNotice, task: Task, behind?: string): void {
  const holders = holdersOf(task).filter(({ foreign }) => foreign !== true);
  if (holders.length > 0) notice.begin(holders, behind);
}

function holdersOf({ place }: Task) {
  return place.locks.inspect({ name: place.lock }).holders;
}

function timeIsUp({ id, flags }: OnceCall, task: Task): CliError {
  const { resource, path, holders } = task.place.locks.inspect({ name: task.place.lock });
  const { timeout: waited = 0 } = flags;
  const [peek, follow] = ['--peek', '--follow'].map((flag) => onceCommand(flag, id, task.place));
  const next = `Look: ${peek} · follow: ${follow}`;
  const what = `${printable(id)} is still being run by ${describeHolders(holders)}; waited ${duration(waited)}, and it goes on`;
  const facts = { resource, path, holders, waited };
  return new CliError(exitCodes.timeout, 'HOLDFAST_TIMEOUT', `${what}. ${next}`, facts);
}

type Followed = Pick<LogFollower, 'run' | 'given'>;

/**
 * Follows the log of the run that is under way, if that is wanted. When its runner is killed and another one begins, goes on
 * with the log of that, and says where it does.
 */
class Follower {
  readonly #call: OnceCall;
  readonly #task: Task;
  readonly #sink = outlet();
  readonly trouble: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #run: Run | undefined;
  #log: LogFollower | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stopLooking: (() => void) | undefined;

  constructor(call: OnceCall, task: Task) {
    this.#call = call;
    this.#task = task;
    this.trouble = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.trouble.catch(() => {});
  }

  begin(store = this.#task.store): void {
    if (this.#call.deed !== 'follow') return;
    this.#stopLooking ??= whenUnread(() => this.#fail(readerGone(1)));
    const current = store.current();
    if (current === undefined || !store.counts(current) || current.id === this.#run?.id) return;
    this.#run = current;
    this.#turn = this.#turn.then(async () => {
      await this.#log?.end();
      if (this.#log !== undefined) await tellNextRun(this.#call, store, this.#log.run, current);
      this.#log = new LogFollower(store, current, this.#sink);
      this.#log.trouble.catch(this.#fail);
    });
    this.#turn.catch(this.#fail);
  }

  /** What was followed, to its end. */
  async end(): Promise<Followed | undefined> {
    await this.#turn;
    await this.#log?.end();
    this.#stopLooking?.();
    return this.#log;
  }
}
