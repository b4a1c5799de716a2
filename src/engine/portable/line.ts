import { trace } from '../../trace/trace.ts';
import type { Ahead, LockRequest, Mode } from '../engine.ts';
import { removeQuietly } from './files.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import type { Place } from './place.ts';
import { leaveTicket, listTickets, readTicket, type Ticket, type TicketKind } from './ticket.ts';
import { isStopped } from './verdict.ts';

/** A waiter that came less than so many milliseconds ago is not asked whether it can take its turn. */
const OVERDUE_AFTER = 200;

/**
 * The line of those who wait for one lock: first come, first served, as far as their clocks agree. Information only: it
 * decides who tries next, never who holds. Tickets of the dead are removed by whoever meets them.
 */
export class Line {
  readonly #lock: PortableLock;
  #ticket: Ticket | undefined;

  constructor(lock: PortableLock) {
    this.#lock = lock;
  }

  /** Where no ticket can be left, the waiter goes without order. */
  join(): void {
    if (this.#ticket !== undefined) return;
    this.#ticket = leaveTicket(this.#lock, kindOf(this.#lock.request));
    trace?.(
      this.#lock.place.lock,
      `takes ticket ${this.#ticket?.name ?? 'none: none can be left, so it waits without order'}`,
    );
  }

  /** Whether somebody is ahead whom this waiter must not overtake. */
  isBehind(): boolean {
    const own = this.#ticket?.name;
    return own !== undefined && inTheWay(this.#lock, (ticket) => ticket.name < own).some(isWaiting);
  }

  /** How many waiters are ahead, plus one. */
  position(): number | undefined {
    const own = this.#ticket?.name;
    if (own === undefined) return undefined;
    return listTickets(this.#lock.place).filter((ticket) => ticket.name < own).length + 1;
  }

  leave(): void {
    if (this.#ticket !== undefined) removeQuietly(this.#ticket.path);
    this.#ticket = undefined;
  }
}

/** Who waits that a newcomer must not overtake. */
export function aheadOf(lock: PortableLock): Ahead {
  let ahead: Ahead = 'nobody';
  for (const ticket of inTheWay(lock, () => true)) {
    const state = stateOf(ticket);
    if (state === 'awake') return 'awake';
    if (state === 'unknown') ahead = 'unknown';
  }
  return ahead;
}

/** Who stands before a request of this mode, the last of them first. */
function inTheWay({ request, place }: PortableLock, counts: (ticket: Ticket) => boolean): Ticket[] {
  const mode = kindOf(request);
  return listTickets(place)
    .filter((ticket) => counts(ticket) && blocks(mode, ticket.kind))
    .reverse();
}

/** Whether a waiter can take its turn, as far as it shows; undefined when it is none any more. */
function stateOf(ticket: Ticket): 'awake' | 'stopped' | 'unknown' | undefined {
  const record = readTicket(ticket);
  if (record === undefined) return undefined;
  const age = Date.now() - ticket.time; // below zero where another machine's clock is ahead
  if (age >= 0 && age <= OVERDUE_AFTER) return 'awake';
  if (isStopped(record.holder)) return 'stopped';
  return livenessAt(ticket.path, record.holder) === 'alive' ? 'awake' : 'unknown';
}

function isWaiting(ticket: Ticket): boolean {
  const state = stateOf(ticket);
  return state === 'awake' || state === 'unknown';
}

/** Whether somebody who shares a lock waits to be alone with it. */
export function isUpgradeWanted(place: Place): boolean {
  return listTickets(place).some((ticket) => ticket.kind === 'upgrade' && readTicket(ticket) !== undefined);
}

/** Those who wait for one of several permits stand in line one by one, as if each wanted the lock alone. */
function kindOf({ mode, permits }: LockRequest): Mode {
  return permits === undefined ? mode : 'exclusive';
}

/** Whether a waiter of this mode stands behind an earlier ticket of that kind. */
function blocks(mode: Mode, kind: TicketKind): boolean {
  return kind !== 'shared' || mode === 'exclusive';
}
