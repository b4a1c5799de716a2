import { holder } from '../../errors/describe.ts';
import { NoResultError, OnceStoppedError } from '../../errors/once-errors.ts';
import { anyOf } from '../../lock/on-abort.ts';
import { pause } from '../../time/time.ts';
import type { CurrentRun } from '../current.ts';
import type { OnceRecord } from '../record.ts';
import { stateOf } from '../state.ts';
import { stopperOf } from '../stop.ts';
import type { Store } from '../store.ts';
import { LogFollower } from './follow.ts';
import { type Run, replay } from './log.ts';
import { type NextRun, nextRunAfter } from './next-run.ts';
import type { RunKey } from './run-key.ts';
import type { Sink } from './sink.ts';
import { untilOver } from './until-over.ts';
import { isToRun } from './wanted.ts';

/** Milliseconds. */
const SETTLING = 20;

export interface FollowOptions {
  /** Ends the follower; the run goes on. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Is told where the output of the next run begins, when the one that is followed had no result and somebody runs again. A
   * promise has that output wait. What this throws, or rejects with, ends the follower. Default: both outputs look like one.
   */
  readonly onNextRun?: ((next: NextRun) => void | Promise<void>) | undefined;
}

/** How a run is followed. */
export interface Following extends FollowOptions {
  readonly words: readonly string[];
  /**
   * A run was started that waits its turn behind another one, with a digest of its inputs; `last` is the outcome that was
   * made from them by then.
   */
  readonly coming: { readonly inputs: string | null; readonly last: string | undefined } | undefined;
  /** The run whose outcome answered for a start. */
  readonly finished: string | undefined;
}

/** The last outcome that was made from these inputs. */
export function lastMadeFrom(store: Store, inputs: string | null): OnceRecord | undefined {
  const own = store.outcomes().filter(({ header }) => header.inputs === inputs);
  return own.reduce<OnceRecord | undefined>(
    (last, each) => (each.header.run > (last?.header.run ?? 0) ? each : last),
    undefined,
  );
}

/** Gives the output of the run that is under way until it has ended; of one that is over, all of it. See `OnceCommand`. */
export async function follow(
  key: RunKey,
  sink: Sink,
  { signal, onNextRun, words, coming, finished }: Following,
): Promise<OnceRecord> {
  const { id, place, store } = key;
  let followed: CurrentRun | undefined;
  const goOnWith = async (next: Run) => {
    if (followed !== undefined) await onNextRun?.(nextRunAfter(store, followed, next));
  };
  const answer = store.outcomes().find(({ header }) => header.id === finished);
  if (answer !== undefined) {
    await replay(store, answer, sink);
    return answer;
  }
  for (;;) {
    const { name, current: begun, ...state } = stateOf(id, place, store);
    if (followed !== undefined && state.last?.header.id === followed.id) return state.last;
    const last = coming === undefined ? state.last : lastMadeFrom(store, coming.inputs);
    const isAnothers = coming !== undefined && (begun?.inputs ?? null) !== coming.inputs;
    const current = isAnothers ? undefined : begun;
    if (name !== 'running' || current === undefined) {
      const stopper = followed === undefined ? undefined : stopperOf(store, followed);
      if (stopper !== undefined) throw new OnceStoppedError(id, holder(stopper));
      const isDue = coming !== undefined && followed === undefined && last?.header.id === coming.last;
      const isWithoutResult = followed !== undefined && begun !== undefined;
      if ((isDue || isWithoutResult) && isToRun(place, words)) {
        await turnOf(key, signal);
        continue;
      }
      if (last === undefined || current !== undefined) throw new NoResultError(id, 'has no result', {});
      await goOnWith(last.header);
      await replay(store, last, sink);
      return last;
    }
    await goOnWith(current);
    const follower = new LogFollower(store, current, sink);
    followed = current;
    const leave = new AbortController();
    const over = untilOver(key, current, signal === undefined ? leave.signal : anyOf([leave.signal, signal]));
    try {
      await Promise.race([over, follower.trouble]);
      await follower.end();
    } finally {
      over.catch(() => {});
      leave.abort();
      follower.stop();
    }
  }
}

/** Resolves when the lock has been free, or another run has begun, and its next holder has had the time to say what it runs. */
async function turnOf(key: RunKey, signal: AbortSignal | undefined): Promise<void> {
  await untilOver(key, { id: key.store.current()?.id }, signal);
  await pause(SETTLING, undefined, { signal });
}
