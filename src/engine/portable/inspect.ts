import type { HolderRecord } from '../../identity/holder.ts';
import type { Inspection, LockRequest, WaiterInfo } from '../engine.ts';
import { readChild } from './child.ts';
import { isOwnWaiter } from './gate.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { listReaders } from './readers.ts';
import { shownHolder } from './record.ts';
import { readTickets } from './ticket.ts';
import { stuckBy } from './verdict.ts';

/**
 * What can be seen of a lock without taking it. Never throws for what it finds there; removes nothing but tickets of the
 * dead. The gate of a reader, or of a writer that waits for readers, is no hold.
 */
export function inspect(lock: PortableLock): Inspection {
  const { place } = lock;
  const readers = listReaders(place).filter((reader) => lock.judge(reader) === 'held');
  const gate = look(place.lock);
  const isHeld = gate.kind === 'claim' && !isOwnWaiter(gate.token) && lock.judge(gate) === 'held';
  const held = isHeld ? gate : undefined;
  const holders = readers.length > 0 ? readers : held?.record?.mode === 'shared' ? [] : held ? [held] : [];
  const state = readers.length > 0 ? 'shared' : holders.length > 0 ? 'exclusive' : 'free';
  const name = [...holders, ...(held ? [held] : [])].find(({ record }) => record !== undefined)?.record?.name;
  const lease = holders.some(({ record }) => record?.lease !== undefined);
  return {
    state,
    holders: holders.map((found) => describe(lock, found)),
    waiters: waitersOf(lock),
    name,
    ...(lease ? { contract: 'lease' } : {}),
  };
}

function describe(lock: PortableLock, found: FoundClaim): HolderRecord {
  const { record, token } = found;
  const child = record?.anonymous === true ? undefined : readChild(lock.place, token);
  return {
    ...(record === undefined ? {} : shownHolder(record)),
    claim: token,
    ...(child === undefined ? {} : { child }),
    ...stuckBy(found, lock.settings),
  };
}

function waitersOf({ place }: PortableLock): WaiterInfo[] {
  const now = Date.now();
  return readTickets(place).map(({ ticket, holder }) => ({
    mode: ticket.kind === 'shared' ? 'shared' : 'exclusive',
    record: holder,
    waited: Math.max(0, now - ticket.time),
  }));
}

/** A request that only looks, and clears away what is dead. */
export function lookingAt(path: string): LockRequest {
  const names = { path, resource: path, cliName: path, beside: path };
  const nothing = { permits: undefined, purpose: undefined, pollInterval: undefined };
  return { ...names, ...nothing, mode: 'shared', access: 'owner', anonymous: true };
}
