import { holder } from '../../errors/describe.ts';
import { NoResultError, OnceStoppedError } from '../../errors/once-errors.ts';
import { anyOf } from '../../lock/on-abort.ts';
import { pause } from '../../time/time.ts';
import type { CurrentRun } from '../current.ts';
import type { OnceRecord } from '../record.ts';
import type { Place } from '../scope.ts';
import { stateOf } from '../state.ts';
import { stopperOf } from '../stop.ts';
import { LogFollower } from './follow.ts';
import { replay } from './log.ts';
import type { RunKey } from './run-key.ts';
import type { Sink } from './sink.ts';
import { untilOver } from './until-over.ts';

/** Milliseconds. */
const SETTLING = 20;

/** How a run is followed. */
export interface Following {
  readonly signal: AbortSignal | undefined;
  /** A run was started that waits its turn behind another command's; `last` is the outcome there was by then. */
  readonly coming: { readonly last: string | undefined } | undefined;
}

/** Gives the output of the run that is under way until it has ended; of one that is over, all of it. See `OnceCommand`. */
export async function follow(key: RunKey, sink: Sink, { signal, coming }: Following): Promise<OnceRecord> {
  const { id, place, store } = key;
  let followed: CurrentRun | undefined;
  for (;;) {
    const { name, last, current } = stateOf(id, place, store);
    if (followed !== undefined && last?.header.id === followed.id) return last;
    if (name !== 'running' || current === undefined) {
      const isToCome = coming !== undefined && followed === undefined && last?.header.id === coming.last;
      if (isToCome && isWanted(place)) {
        await turnOf(place, signal);
        continue;
      }
      const stopper = followed === undefined ? undefined : stopperOf(store, followed);
      if (stopper !== undefined) throw new OnceStoppedError(id, holder(stopper));
      if (last === undefined || current !== undefined) throw new NoResultError(id, 'has no result', {});
      await replay(store, last, sink);
      return last;
    }
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

/** Somebody has the lock of a key, or waits for it. */
function isWanted({ locks, lock }: Place): boolean {
  const { state, waiters } = locks.inspect({ name: lock });
  return state !== 'free' || waiters.length > 0;
}

/** Resolves when the lock has been free, and its next holder has had the time to say what it runs. */
async function turnOf({ locks, lock }: Place, signal: AbortSignal | undefined): Promise<void> {
  await locks.untilFree({ name: lock }, signal === undefined ? {} : { signal });
  await pause(SETTLING, undefined, { signal });
}
