import { clearTimeout, setTimeout } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { Conversion, Waiting } from '../engine.ts';
import { rivalUpgrade } from '../upgrade.ts';
import { removeChild } from './child.ts';
import { Gate } from './gate.ts';
import { shareUnderGate } from './hold.ts';
import { PortableLock } from './lock.ts';
import { PASSED, type Passed } from './nested.ts';
import { isNestedHeld, passNested } from './pass-nested.ts';
import { Pauses } from './pauses.ts';
import { areReadersGone, livingReaders } from './readers.ts';
import type { Tenure } from './tenure.ts';
import { leaveTicket, type OwnTicket, readTickets } from './ticket.ts';

/** What an upgrade does to the grant it belongs to. */
export interface Upgradable {
  readonly lock: PortableLock;
  /** The reader claim by which it shares the lock. */
  readonly mark: () => Tenure;
  /** Names the command that works under the lock beside this gate too. @throws {UnwritableError} */
  readonly cover: (gate: Tenure) => void;
  /** Shares the lock by this reader claim from now on. */
  readonly keep: (mark: Tenure) => void;
  /** Has the lock to itself by this gate from now on, after this nested holder that died. */
  readonly convert: (gate: Tenure, passed: Passed) => void;
}

/**
 * Waits until a shared holder is alone and then makes its lock exclusive (trace; U upgrader, V another one, W a writer):
 *  1. U leaves its ticket, which newcomers do not pass. Of U and V the younger fails, for both would wait for ever. W does
 *     not get past U's reader claim.
 *  2. U sees no other reader, and takes the gate, as every writer does; from then on nobody else is granted anything.
 *  3. U has the gate name its command, removes its own reader claim, and makes sure that none is left. So it has the lock,
 *     or it leaves a new reader claim, gives the gate back and waits on; the gate was its own throughout.
 *     Before that it gets past the nested lock as who wants the lock alone (step ii of `admits`). Is a nested holder at work
 *     there, U gives the gate back and waits on. News that it heard of there stand at the lock until it has that.
 *  U's gate removed in 3, by a person or because a lease is over: U finds that out before it has the lock, or shares it
 *  again, and has lost it. U stopped before 2: newcomers pass it, and writers wait for it, as for any reader.
 *  U dead anywhere: its gate and its reader claim are taken over like those of anybody, but for a command that lives:
 *  until 3 its reader claim keeps the lock for it, in 3 the gate does.
 */
export class PortableUpgrade implements Waiting {
  readonly position = 1;
  readonly #grant: Upgradable;
  readonly #outcome: Conversion;
  readonly #gate: Gate;
  readonly #ticket: OwnTicket | undefined;
  readonly #pauses: Pauses;
  #timer: NodeJS.Timeout | undefined;
  #done = false;
  #passed = PASSED;
  /** The nested lock may be what keeps it, so it looks there before it shuts the gate. */
  #isKept = false;

  constructor(grant: Upgradable, outcome: Conversion) {
    const { request, settings } = grant.lock;
    this.#grant = grant;
    this.#outcome = outcome;
    this.#gate = new Gate(new PortableLock({ ...request, mode: 'exclusive' }, settings));
    this.#pauses = new Pauses(request.pollInterval);
    this.#ticket = leaveTicket(grant.lock, 'upgrade');
    this.#timer = setTimeout(() => this.poke(), 0);
  }

  poke(): void {
    if (this.#done) return;
    clearTimeout(this.#timer);
    try {
      this.#step();
    } catch (error) {
      this.cancel();
      if (this.#grant.mark().isIntact()) this.#outcome.failed(error);
      else this.#outcome.lost();
    }
  }

  cancel(): void {
    this.#finish();
    this.#gate.giveUp();
  }

  #step(): void {
    this.#giveWayToRival();
    const mark = this.#grant.mark();
    if (!mark.isIntact()) {
      this.cancel();
      this.#outcome.lost();
      return;
    }
    const passed = this.#isAlone(mark);
    if (passed === undefined) {
      this.#timer = setTimeout(() => this.poke(), this.#pauses.next());
    } else {
      this.#finish();
      trace?.(this.#grant.lock.place.lock, 'is alone, and is upgraded');
      this.#grant.convert(this.#gate.handOver(), passed);
      if (this.#grant.mark().isIntact()) this.#outcome.converted();
      else this.#outcome.lost(); // stopped for longer than the lease
    }
  }

  /** Steps 2 and 3. It has the gate then, and else not. */
  #isAlone(mark: Tenure): Passed | undefined {
    if (this.#hasCompany(mark) || (this.#isKept && isNestedHeld(this.#grant.lock))) return undefined;
    const gate = this.#gate.reach();
    if (gate === undefined) return undefined;
    const passed = this.#hasCompany(mark) ? undefined : passNested(this.#grant.lock);
    this.#isKept = passed === undefined;
    this.#passed = passed?.recovered === undefined ? this.#passed : passed;
    if (passed !== undefined && this.#drains(mark, gate)) return this.#passed;
    this.#gate.giveUp();
    return undefined;
  }

  #hasCompany(mark: Tenure): boolean {
    return livingReaders(this.#grant.lock).some(({ token }) => token !== mark.token);
  }

  /** Step 3. */
  #drains(mark: Tenure, gate: Tenure): boolean {
    const { lock } = this.#grant;
    this.#grant.cover(gate);
    mark.end();
    let alone = false;
    try {
      alone = areReadersGone(lock);
    } finally {
      if (!alone) this.#shareAgain(gate);
    }
    return alone;
  }

  #shareAgain(gate: Tenure): void {
    const renewed = shareUnderGate(this.#grant.lock, gate);
    if (renewed !== undefined) this.#grant.keep(renewed);
    removeChild(this.#grant.lock, gate.token);
  }

  /** @throws {DeadlockError} another one waits for the same. */
  #giveWayToRival(): void {
    const { request, place } = this.#grant.lock;
    const own = this.#ticket?.name ?? '';
    const older = readTickets(place).find(({ ticket }) => ticket.kind === 'upgrade' && ticket.name < own);
    if (older !== undefined) throw rivalUpgrade(request, older.holder.pid);
  }

  #finish(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#ticket?.giveBack();
  }
}
