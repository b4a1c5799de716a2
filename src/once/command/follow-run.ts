import { holder } from '../../errors/describe.ts';
import { NoResultError, OnceStoppedError } from '../../errors/once-errors.ts';
import { anyOf } from '../../lock/on-abort.ts';
import type { CurrentRun } from '../current.ts';
import type { OnceRecord } from '../record.ts';
import { stateOf } from '../state.ts';
import { stopperOf } from '../stop.ts';
import { LogFollower } from './follow.ts';
import { replay } from './log.ts';
import type { RunKey } from './run-key.ts';
import type { Sink } from './sink.ts';

/** Gives the output of the run that is under way until it has ended; of one that is over, all of it. See `OnceCommand`. */
export async function follow(
  { id, place, store }: RunKey,
  sink: Sink,
  signal: AbortSignal | undefined,
): Promise<OnceRecord> {
  let followed: CurrentRun | undefined;
  for (;;) {
    const { name, last, current } = stateOf(id, place);
    if (name !== 'running' || current === undefined) {
      const stopper = followed === undefined ? undefined : stopperOf(store, followed);
      if (stopper !== undefined) throw new OnceStoppedError(id, holder(stopper));
      if (last === undefined || current !== undefined) throw new NoResultError(id, 'has no result', {});
      if (last.header.id !== followed?.id) await replay(store, last, sink);
      return last;
    }
    const follower = new LogFollower(store, current, sink);
    followed = current;
    const leave = new AbortController();
    const signals = [leave.signal, ...(signal === undefined ? [] : [signal])];
    const free = place.locks.untilFree({ name: place.lock }, { signal: anyOf(signals) });
    try {
      await Promise.race([free, follower.trouble]);
      await follower.end();
    } finally {
      free.catch(() => {});
      leave.abort();
      follower.stop();
    }
  }
}
