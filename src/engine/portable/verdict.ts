import type { HolderRecord } from '../../identity/holder.ts';
import { processFacts } from '../../identity/index.ts';
import { self } from '../../identity/self.ts';
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
  if (record === undefined) {
    return fileSystemNow() - found.changed >= settings.staleAfter ? 'damaged' : 'held';
  }
  if (livenessAt(found.path, record.holder) === 'dead') return 'owner-dead';
  if (record.lease === undefined) return 'held';
  return silence(found) >= record.lease * LEASE_MARGIN ? 'lease-over' : 'held';
}

interface Observation {
  readonly token: string;
  readonly beat: bigint;
  readonly since: number;
}

const MOST_OBSERVED = 4096;
const observed = new Map<string, Observation>();

/** For how many milliseconds this process has seen no sign of life of a claim; 0 at the first look. Notes what it sees. */
export function silence({ path, token, beat }: FoundClaim): number {
  const now = performance.now();
  const known = observed.get(path);
  if (known !== undefined && known.token === token && known.beat === beat) return now - known.since;
  if (observed.size >= MOST_OBSERVED) observed.clear(); // costs a fresh look, nothing else
  observed.set(path, { token, beat, since: now });
  return 0;
}

/** How long a holder has been silent, once that is worth a word. `Infinity`: it is known to be stopped right now. */
export function stuckFor(found: FoundClaim, { stuckAfter }: Settings): number | undefined {
  const quiet = silence(found);
  if (quiet >= stuckAfter) return quiet;
  return found.record !== undefined && isStopped(found.record.holder) ? Math.max(quiet, 1) : undefined;
}

export function isStopped({ pid, pidNamespace }: HolderRecord): boolean {
  if (pid === undefined || pidNamespace !== self().pidNamespace) return false;
  return processFacts.isStopped(pid) === true;
}
