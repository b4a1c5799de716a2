import { stateOf } from '../../once/state.ts';
import { Store } from '../../once/store.ts';
import type { Task } from './task.ts';

/** Whose run is under way as a call with a command sees it: its own, whoever made it, or one that comes before it. */
export type UnderWay = 'own' | 'its run with other inputs' | 'the run of another command';

/** `inputs`: the digest of those of the call. Undefined: whoever has the lock runs nothing, or not yet. */
export function runUnderWay({ id, place, store }: Task, inputs: string | null): UnderWay | undefined {
  const { name, current } = stateOf(id, place, new Store(store.directory, id, 'any'));
  if (name !== 'running' || current === undefined) return undefined;
  if (!store.counts(current)) return 'the run of another command';
  return (current.inputs ?? null) === inputs ? 'own' : 'its run with other inputs';
}
