import { basename, join } from 'node:path';
import type { HolderRecord } from '../../identity/holder.ts';
import { Date } from '../../time/time.ts';
import type { Inspection, LockRequest, WaiterInfo } from '../engine.ts';
import { cannotLook } from '../file/cannot-look.ts';
import { permitsDirectory, slotIn } from '../file/permits.ts';
import { nestedPath } from '../nested.ts';
import { readChild } from './child.ts';
import { isCopy } from './copy.ts';
import { mayBeHeld } from './failure.ts';
import { PortableLock } from './lock.ts';
import { errorOf, type FoundClaim, look } from './look.ts';
import { isUsed } from './nested.ts';
import { isSlot } from './permits.ts';
import { seenReaders } from './readers.ts';
import { shownHolder } from './record.ts';
import { readTickets } from './ticket.ts';
import { stuckBy } from './verdict.ts';

/**
 * What can be seen of a lock without taking it. Never throws for what it finds there; removes nothing but tickets of the
 * dead. The gate of a reader, or of a writer that meets readers there, is no hold. A copy of a claim is in everybody's
 * way until somebody removes it, and so is told among the holders, as what it is.
 *
 * @throws {UnwritableError | ExhaustedError} it cannot be told whether others share it.
 */
export function inspect(lock: PortableLock): Inspection {
  try {
    return inspectNow(lock);
  } catch (error) {
    throw cannotLook(lock.request.path, error);
  }
}

/**
 * H is a holder that makes its hold a shared one meanwhile: it puts its claim among the readers, then leaves the gate.
 *
 *  1. The readers are listed. H is not there yet: its claim is at the gate.
 *  2. The gate is looked at. H has left it: so its claim is among the readers.
 *  3. Where neither was seen, the readers are listed again, and H is there, unless it has given the lock back.
 *
 * One that makes it exclusive takes the gate first, and is seen at 1 or at 2. One that does both between 1 and 3 is not.
 */
function seenHolders(lock: PortableLock) {
  const first = heldReaders(lock);
  lock.settings.step('inspect-gate');
  const gate = look(lock.place.lock);
  if (gate.kind === 'unreadable' && !mayBeHeld(gate)) throw errorOf(gate);
  const held = gate.kind === 'claim' && lock.judge(gate) === 'held' ? gate : undefined;
  const isHidden = gate.kind === 'unreadable';
  const isPassing = held?.record?.mode === 'shared' && !isCopy(held);
  const isHeld = isHidden || (held !== undefined && !isPassing);
  return { readers: first.length > 0 || isHeld ? first : heldReaders(lock), held, isPassing, isHidden };
}

function inspectNow(lock: PortableLock): Inspection {
  const { readers, held, isPassing, isHidden } = seenHolders(lock);
  const holders = readers.length > 0 ? readers : held === undefined || isPassing ? [] : [held];
  const isExclusive = holders.length > 0 || isHidden;
  const state = readers.length > 0 ? 'shared' : isExclusive ? 'exclusive' : 'free';
  const name = [...holders, ...(held ? [held] : [])].find(({ record }) => record !== undefined)?.record?.name;
  const lease = holders.some(({ record }) => record?.lease !== undefined);
  const nested = inspectNested(lock);
  return {
    state: state === 'free' ? nested.state : state,
    holders: [
      ...holders.map((found) => describe(lock, found)),
      ...(isHidden && readers.length === 0 ? [{}] : []),
      ...nested.holders,
    ],
    waiters: [
      ...waitersOf(lock),
      ...nested.waiters,
      ...readers.flatMap((reader) => waitersUnder(lock, reader)),
    ],
    name,
    ...(lease ? { contract: 'lease' } : {}),
  };
}

function heldReaders(lock: PortableLock): FoundClaim[] {
  return seenReaders(lock.place).filter((reader) => lock.judge(reader) === 'held');
}

/** Those who hold the lock under another holder, or after it. */
function inspectNested({ request: { path }, settings }: PortableLock): Omit<Inspection, 'name'> {
  if (!isUsed(path)) return { state: 'free', holders: [], waiters: [] };
  const { state, holders, waiters } = inspect(new PortableLock(lookingAt(nestedPath(path)), settings));
  return {
    state,
    holders: holders.map((holder) => ({ ...holder, nested: true })),
    waiters: waiters.map((waiter) => ({ ...waiter, record: { ...waiter.record, nested: true } })),
  };
}

/** Those who wait to have a permit nested under the one of this slot. Who has it so is a reader, like its outer holder. */
function waitersUnder({ request, settings }: PortableLock, { path }: FoundClaim): readonly WaiterInfo[] {
  if (!isSlot(path)) return [];
  const slot = join(permitsDirectory(request.path), basename(path));
  return inspectNested(new PortableLock(lookingAt(slot), settings)).waiters;
}

function isNestedReader({ path }: FoundClaim): boolean {
  return slotIn(basename(path)) !== undefined && !isSlot(path);
}

function describe(lock: PortableLock, found: FoundClaim): HolderRecord {
  const { record, token } = found;
  const child = record?.anonymous === true ? undefined : readChild(lock.place, token);
  return {
    ...(record === undefined ? {} : shownHolder(record)),
    claim: token,
    ...(isNestedReader(found) ? { nested: true } : {}),
    ...(child === undefined ? {} : { child }),
    ...(isCopy(found) ? { copy: true } : stuckBy(found, lock.settings)),
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
