import { existsSync } from 'node:fs';
import type { Engine, Grant } from '../engine.ts';
import { type Abandoned, abandon } from './abandon.ts';
import { Contender } from './contender.ts';
import { isMakeshift } from './counter.ts';
import { attempt } from './failure.ts';
import { inspect, lookingAt } from './inspect.ts';
import { aheadOf, patienceBehind, vacancyBehind } from './line.ts';
import { claimLeftovers, copiedRights, litterOf, waitLeftovers } from './litter.ts';
import { PortableLock } from './lock.ts';
import { admits } from './nested.ts';
import { Place } from './place.ts';
import { type PortableOptions, settingsOf } from './settings.ts';
import { waitSync } from './sync-waiter.ts';
import { listTickets } from './ticket.ts';
import { untilFree } from './until-free.ts';
import { noteWait, waitsOf } from './wait-note.ts';
import { PortableWaiter } from './waiter.ts';

export type { Abandoned } from './abandon.ts';

/** For how many milliseconds at most a request that does not wait looks at a free lock; enough on network drives. */
const LONGEST_LOOK = 300;

export type { LayoutName, PortableOptions } from './settings.ts';

/**
 * Locks by claims that are created atomically, for where the kernel's lock is not available.
 *
 * Guaranteed (contract `claim`): never given to two, and taken from a holder only when its death is proved; by age or
 * silence never. Not guaranteed: that the death of a holder on another machine, or in another container, is ever noticed.
 * With `lease` (contract `lease`): taken from a silent holder after a while, so that two can hold for a moment.
 */
export function portableEngine(options: PortableOptions = {}): Engine {
  const settings = settingsOf(options);
  const lookAt = (path: string) => new PortableLock(lookingAt(path), settings);
  return {
    contract: settings.lease === undefined ? 'claim' : 'lease',

    tryAcquire(request) {
      const contender = new Contender(request, settings);
      const isInLine = request.within === undefined;
      if (isInLine && attempt(request, () => aheadOf(contender.lock) !== 'nobody')) return undefined;
      return tryNow(contender);
    },

    lookPast(request) {
      const contender = new Contender(request, settings);
      const isPassable = () => attempt(request, () => aheadOf(contender.lock)) === 'unknown';
      if (!isPassable() || !attempt(request, () => contender.isFree(vacancyBehind(contender.lock))))
        return undefined;
      const patience = attempt(request, () => patienceBehind(contender.lock));
      if (patience > LONGEST_LOOK) return undefined;
      return { patience, takeThen: () => (isPassable() ? tryNow(contender) : this.tryAcquire(request)) };
    },

    wait: (request, outcome) => new PortableWaiter(request, settings, outcome),
    acquireSync: (request, timeout, poll) => waitSync(request, settings, timeout, poll),
    isContended: (path) => listTickets(new Place(path)).length > 0,
    inspect: (path) => inspect(lookAt(path)),
    carriers: () => [],
    admits,
    noteWait: (heldPath, note, held) => noteWait(lookAt(heldPath), note, held),
    waitsOf: (path) => waitsOf(new Place(path)),
    leftovers: (path) =>
      [claimLeftovers, waitLeftovers, litterOf, copiedRights].flatMap((list) => list(lookAt(path))),
    untilFree: (path, onFree, onError) => untilFree(lookAt(path), onFree, onError),
  };
}

/** Removes one claim on a person's word; see `abandon`. @throws an error that says why no break claim can be made. */
export function abandonClaim(path: string, claim: string): Abandoned {
  return abandon(new PortableLock(lookingAt(path), settingsOf({})), claim);
}

/** Whether it is on record that nobody chose this engine for a lock: another one may have it as soon as it is free. */
export function isMakeshiftAt(path: string): boolean {
  return isMakeshift(new Place(path));
}

/**
 * Whether a lock that nobody may claim at the moment has been this engine's: its counter, or its readers, are there.
 *
 * @param isThere `mayBeThere`, for who must not call free what cannot be seen.
 */
export function wasUsedAt(path: string, isThere: (path: string) => boolean = existsSync): boolean {
  const { counter, readers } = new Place(path);
  return isThere(counter) || isThere(readers);
}

function tryNow(contender: Contender): Grant | undefined {
  const grant = contender.tryPatiently();
  if (grant === undefined) contender.close();
  return grant;
}
