import { liveness } from '../identity/index.ts';
import type { CurrentRun, Task } from './current.ts';
import { remaining, ttlOf } from './judgement.ts';
import type { OnceRecord } from './record.ts';
import type { Place } from './scope.ts';
import type { Store } from './store.ts';

/**
 * `running`: under way. `done`: there is a success that still counts. `expired`: there is one that does not. `failed`:
 * the last run failed. `ended`: the last run ended without a result, such as by a signal. `dead`: so did its runner,
 * without a word. `none`: never run.
 */
export type StateName = 'running' | 'done' | 'expired' | 'failed' | 'ended' | 'dead' | 'none';

/** What is known of one key, as it is seen now. */
export interface OnceState {
  readonly key: string;
  readonly project: string | null;
  readonly directory: string | null;
  readonly name: StateName;
  /** The last run with an outcome. */
  readonly last: OnceRecord | undefined;
  /** The run that began after it, if there is one. */
  readonly current: CurrentRun | undefined;
  /** Milliseconds for which the last outcome still counts. */
  readonly remaining: number;
}

/**
 * Looks at a key, without taking its lock, and at whose runs count in this store. A runner records how its run ended before it gives the lock back, so one that
 * seems dead may have done both while this looked: only when the same run seems dead again was there no end to see.
 */
export function stateOf(key: string, place: Place, store: Store): OnceState {
  for (let dead: string | undefined; ; ) {
    const state = lookAt(key, place, store);
    if (state.name !== 'dead' || state.current?.id === dead) return state;
    dead = state.current?.id;
  }
}

function lookAt(key: string, place: Place, store: Store): OnceState {
  const begun = store.current(); // before the outcomes: one that comes in between is newer and overrules it
  const [success, failure] = [store.success(), store.failure()];
  const last = (failure?.header.run ?? 0) > (success?.header.run ?? 0) ? failure : success;
  const own = begun !== undefined && store.counts(begun) ? begun : store.passed();
  const current = own !== undefined && own.run > (last?.header.run ?? 0) ? own : undefined;
  const left = last === undefined ? 0 : remaining(last, ttlOf(last));
  return {
    key,
    project: place.project,
    directory: place.directory,
    name: nameOf(last, current, left, (run) => run === begun && isUnderWay(place, run)),
    last,
    current,
    remaining: left,
  };
}

function nameOf(
  last: OnceRecord | undefined,
  current: CurrentRun | undefined,
  left: number,
  isRunning: (run: CurrentRun) => boolean,
): StateName {
  if (current !== undefined) {
    if (current.ended !== undefined) return 'ended';
    return isRunning(current) ? 'running' : 'dead';
  }
  if (last === undefined) return 'none';
  if (last.header.kind === 'failure') return 'failed';
  return left > 0 ? 'done' : 'expired';
}

/** The lock is held, and not by somebody who only looks after the run died. */
function isUnderWay({ locks, lock }: Place, run: CurrentRun): boolean {
  return locks.inspect({ name: lock }).state !== 'free' && isAlive(run);
}

/** Its runner said how it ended, or is gone with its command. */
export function hasEnded(run: CurrentRun): boolean {
  return run.ended !== undefined || !isAlive(run);
}

/** How a run ended that has no outcome, in words that follow "the run". Who could not record it may live on. */
export function howEnded({ ended }: Pick<CurrentRun, 'ended'>): string {
  return ended ?? 'ended without a word, as when it is killed';
}

/** Whether its runner may live, or its command does. */
function isAlive({ by, task }: CurrentRun): boolean {
  return liveness(by) !== 'dead' || isChildAlive(by, task?.child);
}

/** A command may outlive its runner; it then holds the lock. */
export function isChildAlive(by: CurrentRun['by'], child: Task['child']): boolean {
  if (child === undefined) return false;
  const { start: _, ...runner } = by;
  return liveness({ ...runner, ...child }) === 'alive';
}
