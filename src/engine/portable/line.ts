import { Date } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import { type Ahead, SECOND_LOOK } from '../engine.ts';
import { kindInLine, standsBehind, type Vacancy, vacancyFor } from '../file/line.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import { LONGEST_PAUSE } from './pauses.ts';
import { leaveTicket, listTickets, type OwnTicket, readTicket, type Ticket } from './ticket.ts';
import { isStopped } from './verdict.ts';

/** Whoever makes longer pauses between two looks, in milliseconds, may be passed between them. */
const MOST_PATIENT = 60_000;

/** A waiter that came less than so many milliseconds ago is not asked whether it can take its turn. */
const OVERDUE_AFTER = 200;

/**
 * The line of those who wait for one lock: first come, first served, as far as their clocks agree. Information only: it
 * decides who tries next, never who holds. Tickets of the dead are removed by whoever meets them.
 */
export class Line {
  readonly #lock: PortableLock;
  #ticket: OwnTicket | undefined;

  constructor(lock: PortableLock) {
    this.#lock = lock;
  }

  /** Where no ticket can be left, the waiter goes without order. */
  join(): void {
    if (this.#ticket !== undefined) return;
    this.#ticket = leaveTicket(this.#lock, kindInLine(this.#lock.request));
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

  /** What has to be free before this waiter passes those ahead of it. */
  vacancy(): Vacancy {
    const own = this.#ticket?.name;
    return vacancyBehind(this.#lock, (ticket) => own !== undefined && ticket.name < own);
  }

  /** The patience of this waiter with those ahead of it. */
  patience(): number {
    const own = this.#ticket?.name;
    return patienceBehind(this.#lock, (ticket) => own !== undefined && ticket.name < own);
  }

  /** How many waiters are ahead, plus one. */
  position(): number | undefined {
    const own = this.#ticket?.name;
    if (own === undefined) return undefined;
    return listTickets(this.#lock.place).filter((ticket) => ticket.name < own).length + 1;
  }

  leave(): void {
    this.#ticket?.giveBack();
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

/** What has to be free before a request passes those of the line, of which `counts` says who is ahead of it. */
export function vacancyBehind(
  { request, place }: PortableLock,
  counts: (ticket: Ticket) => boolean = () => true,
): Vacancy {
  const waiting = listTickets(place).filter((ticket) => counts(ticket) && isWaiting(ticket));
  return vacancyFor(
    kindInLine(request),
    waiting.map(({ kind }) => kind),
  );
}

/**
 * For how many milliseconds the lock is to be free before a request passes those of the line, of which `counts` says who is
 * ahead of it: each of them looks at it in that time, if it is awake, whatever pauses it makes.
 */
export function patienceBehind(lock: PortableLock, counts: (ticket: Ticket) => boolean = () => true): number {
  const ahead = inTheWay(lock, counts).filter(isWaiting);
  const pauses = ahead.map((ticket) => readTicket(ticket)?.pause ?? LONGEST_PAUSE);
  return Math.min(Math.max(0, ...pauses), MOST_PATIENT) + SECOND_LOOK;
}

/** Who stands before a request of this mode, the last of them first. */
function inTheWay({ request, place }: PortableLock, counts: (ticket: Ticket) => boolean): Ticket[] {
  const kind = kindInLine(request);
  return listTickets(place)
    .filter((ticket) => counts(ticket) && standsBehind(kind, ticket.kind))
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
