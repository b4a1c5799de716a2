import { processFacts } from '../../identity/index.ts';
import { trace } from '../../trace/trace.ts';
import type { Ahead, LockRequest, Mode } from '../engine.ts';
import { Entry, type EntryKind, type EntryName, ForeignEntry, listEntries } from './entry.ts';
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
 *  4. P is stopped: nothing is raised. At the backstop W looks whether the lock itself is free, and takes it if so, and
 *     counts P as absent for as long as it stays stopped.
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
    this.#ticket = Entry.leave(this.#request, modeInLine(this.#request), holderOf(this.#request));
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
      (entry) => entry.name < own && blocks(modeInLine(this.#request), entry.kind),
    );
    for (const entry of before.reverse()) {
      const found = ForeignEntry.open(entry);
      if (found === undefined) continue;
      if (stateOf(found) !== 'stopped') return found;
      found.close();
    }
    return undefined;
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
    const inTheWay = blocks(modeInLine(request), entry.kind);
    if (!inTheWay && modeInLine(request) === 'shared') continue; // an exclusive newcomer removes whatever the dead left
    const found = ForeignEntry.open(entry);
    if (found === undefined) continue;
    const state = inTheWay ? stateOf(found) : 'stopped';
    found.close();
    if (state === 'awake') return 'awake';
    if (state === 'unknown') ahead = 'unknown';
  }
  return ahead;
}

export function isTicket({ kind }: EntryName): boolean {
  return kind === 'exclusive' || kind === 'shared' || kind === 'upgrade';
}

/** Those who wait for one of several permits stand in line one by one, as if each wanted the lock alone. */
function modeInLine({ mode, permits }: LockRequest): Mode {
  return permits === undefined ? mode : 'exclusive';
}

/** Whether a waiter of this mode stands behind an earlier entry of that kind. */
function blocks(mode: Mode, kind: EntryKind): boolean {
  return kind === 'exclusive' || kind === 'upgrade' || (kind === 'shared' && mode === 'exclusive');
}

const OVERDUE_AFTER = 200_000_000n; // nanoseconds

/** Whether a waiter can take its turn, as far as it shows; one that has just come is not even asked. */
function stateOf(found: ForeignEntry): 'awake' | 'stopped' | 'unknown' {
  if (process.hrtime.bigint() - found.entry.time < OVERDUE_AFTER) return 'awake';
  const { pid, pidNamespace } = found.read().holder ?? {};
  if (pid === undefined || pidNamespace !== processFacts.pidNamespace()) return 'unknown';
  return processFacts.isStopped(pid) === true ? 'stopped' : 'awake';
}
