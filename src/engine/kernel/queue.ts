import { processFacts } from '../../identity/index.ts';
import { trace } from '../../trace/trace.ts';
import type { Ahead, LockRequest } from '../engine.ts';
import {
  kindInLine,
  standsBehind,
  type TicketKind,
  ticketKinds,
  type Vacancy,
  vacancyFor,
} from '../file/line.ts';
import { machineClock } from '../file/machine-clock.ts';
import { Entry, type EntryName, ForeignEntry, listEntries } from './entry.ts';
import { holderOf } from './slot.ts';

/**
 * The queue of one lock across processes: tickets, first come, first served. Advisory, like everything but the lock
 * itself: it decides who tries next, never who holds.
 *
 * An exclusive waiter waits for the ticket before its own, a shared one for the last exclusive ticket before its own; so
 * each release wakes one process, and a run of shared waiters is granted together, but never past a waiting writer.
 *
 * No waiter is left behind (trace; P predecessor, W waiter):
 *  1. W finds P's ticket alive, opens it, watches it, and looks once more whether it is alive.
 *  2. P leaves before 1's last look: W sees it there. After: unlinking and closing the ticket raise a hint.
 *  3. P is killed: the kernel closes its ticket, which is the same hint; W finds it unlocked and removes it.
 *  4. P is stopped: nothing is raised. At the backstop W sees it, and counts P as absent for as long as it stays stopped.
 *     P does not move for another reason, or W cannot see it: W looks whether there is what P could have taken, and takes
 *     its own share of it if so; see `vacancyFor`.
 *  5. W's own ticket was removed by hand: W takes a new one, at the tail, at the next backstop.
 */
export class Place {
  readonly #request: LockRequest;
  #ticket: Entry | undefined;

  constructor(request: LockRequest) {
    this.#request = request;
  }

  /**
   * Takes a ticket, unless there is one; returns whether it did. Where none can be left, the waiter goes without order: it
   * still gets the lock in its turn or not.
   */
  join(): boolean {
    if (this.#ticket?.isListed === true) return false;
    this.#ticket?.remove();
    this.#ticket = Entry.leave(this.#request, kindInLine(this.#request), holderOf(this.#request));
    trace?.(
      this.#request.path,
      `takes ticket ${this.ticket ?? 'none: none can be left, so it waits without order'}`,
    );
    return true;
  }

  get ticket(): string | undefined {
    return this.#ticket?.name;
  }

  /** Whom this waiter has to wait for; undefined when it is at the head. The caller closes what it gets. */
  predecessor(): ForeignEntry | undefined {
    const own = this.#ticket?.name;
    if (own === undefined) return undefined;
    const before = listEntries(this.#request.path).filter(
      (entry) => entry.name < own && isInTheWay(this.#request, entry),
    );
    for (const entry of before.reverse()) {
      const found = ForeignEntry.open(entry);
      if (found === undefined) continue;
      if (!isStopped(found)) return found;
      found.close();
    }
    return undefined;
  }

  /** What has to be free before this waiter passes those ahead of it. */
  vacancy(): Vacancy {
    const own = this.#ticket?.name;
    return vacancyBehind(this.#request, (name) => own !== undefined && name < own);
  }

  /** How many waiters are ahead, plus one. */
  position(): number | undefined {
    const own = this.#ticket?.name;
    if (own === undefined) return undefined;
    return listEntries(this.#request.path).filter((entry) => entry.name < own && isTicket(entry)).length + 1;
  }

  leave(): void {
    this.#ticket?.remove();
    this.#ticket = undefined;
  }
}

/** Who waits that a newcomer of this mode must not overtake. */
export function aheadOf(request: LockRequest): Ahead {
  let ahead: Ahead = 'nobody';
  for (const entry of listEntries(request.path)) {
    const inTheWay = isInTheWay(request, entry);
    if (!inTheWay && kindInLine(request) === 'shared') continue; // an exclusive newcomer removes whatever the dead left
    const found = ForeignEntry.open(entry);
    if (found === undefined) continue;
    const state = inTheWay ? stateOf(found) : 'stopped';
    found.close();
    if (state === 'awake') return 'awake';
    if (state === 'unknown') ahead = 'unknown';
  }
  return ahead;
}

/** What has to be free before a request passes those of the line, of which `counts` says who is ahead of it. */
export function vacancyBehind(request: LockRequest, counts: (name: string) => boolean = () => true): Vacancy {
  const kinds = listEntries(request.path)
    .filter((entry) => counts(entry.name) && isTicket(entry) && isWaiting(entry))
    .map(({ kind }) => kind as TicketKind);
  return vacancyFor(kindInLine(request), kinds);
}

/** Whether its owner lives, and is not seen to be stopped. */
function isWaiting(entry: EntryName): boolean {
  const found = ForeignEntry.open(entry);
  const waits = found !== undefined && !isStopped(found);
  found?.close();
  return waits;
}

export function isTicket({ kind }: EntryName): boolean {
  return isTicketKind(kind);
}

function isTicketKind(kind: EntryName['kind']): kind is TicketKind {
  return (ticketKinds as readonly string[]).includes(kind);
}

/** Whether a request stands behind an entry that was there before it. */
function isInTheWay(request: LockRequest, { kind }: EntryName): boolean {
  return isTicketKind(kind) && standsBehind(kindInLine(request), kind);
}

/** Whether a waiter is seen to be stopped, and so cannot take its turn. */
export function isStopped(found: ForeignEntry): boolean {
  return stateOf(found) === 'stopped';
}

const OVERDUE_AFTER = 200_000_000n; // nanoseconds

/** Whether a waiter can take its turn, as far as it shows; one that has just come is not even asked. */
function stateOf(found: ForeignEntry): 'awake' | 'stopped' | 'unknown' {
  if (machineClock() - found.entry.time < OVERDUE_AFTER) return 'awake';
  const { pid, pidNamespace } = found.read().holder ?? {};
  if (pid === undefined || pidNamespace !== processFacts.pidNamespace()) return 'unknown';
  return processFacts.isStopped(pid) === true ? 'stopped' : 'awake';
}
