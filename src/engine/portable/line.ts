import type { LockRequest, Mode } from '../engine.ts';
import { removeQuietly } from './files.ts';
import type { PortableLock } from './lock.ts';
import type { Place } from './place.ts';
import { leaveTicket, listTickets, readTicket, type Ticket, type TicketKind } from './ticket.ts';
import { isStopped } from './verdict.ts';

/** A waiter that is stopped cannot take its turn; one that came less than so many milliseconds ago is not even asked. */
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
    this.#ticket ??= leaveTicket(this.#lock, kindOf(this.#lock.request));
  }

  /** Whether somebody is ahead whom this waiter must not overtake. */
  isBehind(): boolean {
    const own = this.#ticket?.name;
    return own !== undefined && isInTheWay(this.#lock, (ticket) => ticket.name < own);
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

/** Whether somebody waits whom a newcomer must not overtake. */
export function isQueued(lock: PortableLock): boolean {
  return isInTheWay(lock, () => true);
}

function isInTheWay({ request, place }: PortableLock, counts: (ticket: Ticket) => boolean): boolean {
  const mode = kindOf(request);
  const ahead = listTickets(place).filter((ticket) => counts(ticket) && blocks(mode, ticket.kind));
  return ahead.reverse().some((ticket) => {
    const record = readTicket(ticket);
    return record !== undefined && !(Date.now() - ticket.time > OVERDUE_AFTER && isStopped(record.holder));
  });
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
