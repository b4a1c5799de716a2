import type { HolderRecord } from '../../identity/holder.ts';
import { processFacts } from '../../identity/index.ts';
import { self } from '../../identity/self.ts';
import { BoundedCache } from '../../storage/bounded-cache.ts';
import { performance } from '../../time/time.ts';
import { livenessAt } from './liveness.ts';
import type { FoundClaim } from './look.ts';
import type { Settings } from './settings.ts';

/** Whether a claim may be removed, and if so, by which proof. */
export type Verdict = 'held' | 'owner-dead' | 'damaged' | 'lease-over';

/** Others may enter after so many times the lease, so that a renewal under way has time to arrive. */
const LEASE_MARGIN = 1.5;

/**
 * What can be concluded about a claim, and from what:
 *  1. Its record is whole and its owner is proved dead: it may be removed at once, whatever its age.
 *  2. Its record is whole and its owner lives, or nothing is proved: it is held. No age ends that; only a claim whose own
 *     record offers a lease is over when this observer saw no sign of life for one and a half leases, by the observer's
 *     own monotonic clock.
 *  3. It carries Holdfast's signature, and the rest is damaged, so that nobody can be proved dead. No protocol step leaves
 *     this behind: claims are synced before they can be seen. It takes a failing disk, or somebody's editor. A holder that
 *     lives touches its claim every second, damaged or not, so one that was not touched for `staleAfter`, by the clock
 *     of the very file system that keeps it, is nobody's, short of a holder stopped for just as long; and that one is told
 *     by its next check, as after any tampering.
 *  4. Anything without the signature is not judged here at all: it is never removed.
 */
export function judge(found: FoundClaim, settings: Settings, fileSystemNow: () => number): Verdict {
  const { record } = found;
  const quiet = silence(found);
  if (record === undefined) {
    return fileSystemNow() - found.changed >= settings.staleAfter ? 'damaged' : 'held';
  }
  if (livenessAt(found.path, record.holder) === 'dead') return 'owner-dead';
  if (record.lease === undefined) return 'held';
  return quiet >= record.lease * LEASE_MARGIN ? 'lease-over' : 'held';
}

interface Observation {
  readonly token: string;
  readonly beat: bigint;
  readonly since: number;
}

/** One that is forgotten costs a fresh look, nothing else. */
const observed = new BoundedCache<string, Observation>(4096);

/** For how many milliseconds this process has seen no sign of life of a claim; 0 at the first look. Notes what it sees. */
export function silence({ path, token, beat }: FoundClaim): number {
  const now = performance.now();
  const known = observed.get(path);
  if (known !== undefined && known.token === token && known.beat === beat) return now - known.since;
  observed.set(path, { token, beat, since: now });
  return 0;
}

/** Why the holder of a claim cannot go on at the moment, as far as can be seen; empty for one that can. */
export function stuckBy(found: FoundClaim, { stuckAfter }: Settings): HolderRecord {
  const holder = found.record?.holder ?? {};
  if (isStopped(holder)) return { stopped: true };
  const quiet = silence(found);
  // A holder that died without its command, which works on, gives no signs of life and is not stuck.
  return quiet >= stuckAfter && livenessAt(found.path, holder) !== 'dead' ? { silent: quiet } : {};
}

/** Whether a claim at the lock path is that of a reader which is seen to be stopped before it has left its reader claim. */
export function isStoppedReader({ path, record }: FoundClaim): boolean {
  if (record?.mode !== 'shared' || !isStopped(record.holder)) return false;
  return livenessAt(path, record.holder) === 'alive';
}

/** Every machine numbers its first pid namespace alike, so the boot has to be the same as well. */
export function isStopped({ pid, pidNamespace, boot }: HolderRecord): boolean {
  if (pid === undefined || boot !== self().boot || pidNamespace !== self().pidNamespace) return false;
  return processFacts.isStopped(pid) === true;
}
