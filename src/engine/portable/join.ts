import { fresh } from './hold.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { giveBackOwn } from './own-right.ts';
import { listReaders, publishReader } from './readers.ts';
import { now, Tenure } from './tenure.ts';

/**
 * Shares the lock with a reader that shares it already, also while writers wait for that reader, and without the gate;
 * `pathOf`: where the claim goes, by its id. Undefined where there is no such reader. Trace (O the outer reader, N this
 * one, W a writer that has the gate):
 *  1. N leaves its reader claim. 2. N sees O's still there, and shares the lock; else it takes its own back.
 *  W goes on when it has removed the directory of the reader claims, which it cannot while one is in it. O's is in it at
 *  2, and N's since 1: so W cannot before N is gone. Removed before 1: N does not find O's at 2, and W does not look back.
 */
export function joinReader(
  lock: PortableLock,
  isOuters: (reader: FoundClaim) => boolean,
  pathOf: (token: string) => string,
): Tenure | undefined {
  const found = listReaders(lock.place).find(isOuters);
  if (found === undefined) return undefined;
  const mark = fresh(lock, undefined, 'shared');
  const sent = now();
  if (!publishReader(lock, mark, pathOf(mark.token))) {
    giveBackOwn(lock, mark);
    return undefined;
  }
  const tenure = new Tenure(lock, mark, sent);
  const still = look(found.path);
  if (still.kind === 'claim' && still.token === found.token) return tenure;
  tenure.end();
  return undefined;
}
