import { shared } from '../copies/shared.ts';
import type { Contract, Degradation, Mode, RecordedChild } from '../engine/engine.ts';
import { LostError, UnsupportedError } from '../errors/lock-errors.ts';
import { enclosingAll } from './context.ts';
import type { Holding } from './holding.ts';
import { checkUpgradeOptions } from './options.ts';
import type { HeldElsewhere } from './request.ts';
import type { UpgradeOptions } from './upgrade.ts';

/** What a lock object stands for; for the manager, which made both. */
export let holdingOf: (lock: Lock) => Holding;
/** What tells of a lock that somebody says to hold; what is no lock of this thread tells what it says itself. */
export let heldBy: (held: HeldElsewhere) => HeldElsewhere;
/** The object that its holder gets: locks come from a `LockManager`. */
export let lockOf: (holding: Holding, ofPlace: readonly Degradation[]) => Lock;
/** Gives back a lock that never reached whoever asked for it, for the next holder to be told what it would have been told. */
export let returnUndelivered: (lock: Lock) => void;

/** How each copy of the package finds what its own lock objects stand for. */
const unwraps = shared('unwraps', (): ((held: object) => HeldElsewhere | undefined)[] => []);

/**
 * A lock that is held: what `acquire` gives, and what to release. Works with `using` and `await using`.
 *
 * Guaranteed by the `kernel` contract: while `assertHeld()` passes, no cooperating program on this machine holds the
 * same resource in a conflicting mode. Not guaranteed: anything about programs that do not ask for the lock, for a lock
 * is advisory.
 */
export class Lock {
  /** The resource as it was asked for. */
  readonly resource: string;
  /** The lock file. */
  readonly path: string;
  /** What the grant is worth. */
  readonly contract: Contract;
  readonly #holding: Holding;
  readonly #ofPlace: readonly Degradation[];
  #released = false;

  static {
    lockOf = (holding, ofPlace) => new Lock(holding, ofPlace);
    holdingOf = (lock) => lock.#holding;
    unwraps.push((held) => (#holding in held ? held.#holding : undefined));
    heldBy = (held) => unwraps.reduce((found: HeldElsewhere, unwrap) => unwrap(held) ?? found, held);
    returnUndelivered = (lock) => {
      if (lock.#released) return;
      lock.#released = true;
      lock.#holding.leave('undelivered');
    };
  }

  private constructor(holding: Holding, ofPlace: readonly Degradation[]) {
    const { request, grant } = holding;
    this.#holding = holding;
    this.resource = request.resource;
    this.path = request.path;
    this.contract = grant.contract;
    this.#ofPlace = ofPlace;
    holding.lock ??= this;
  }

  /**
   * In which ways this grant is weaker than usual; mutual exclusion is not among them. Empty as a rule. `upgrade`,
   * `downgrade` and the first use of `signal` may change it.
   */
  get degraded(): readonly Degradation[] {
    const { degraded } = this.#holding;
    return this.#ofPlace.length === 0 ? degraded : [...degraded, ...this.#ofPlace];
  }

  /**
   * The previous exclusive holder ended without releasing: what the lock protects may be half-done. True for exactly
   * one exclusive holder after each such end, so that one of them repairs. One that shares the lock learns it by `upgrade`,
   * and after `downgrade` it is false: look before.
   */
  get recovered(): boolean {
    return this.#holding.grant.recovered !== undefined;
  }

  /**
   * The fencing token: rises with every exclusive grant of this lock, across crashes, reboots and power losses. Pass it
   * to whatever the lock protects, and let that refuse a smaller one than it has seen. A shared lock shows the token of
   * the last exclusive grant, without the promise about power losses.
   *
   * The first use after a boot syncs the disk once (milliseconds); later ones cost nothing.
   *
   * @throws {UnsupportedError} where no token could be counted: see `degraded`.
   * @throws {LostError} when it was first asked for after the release.
   */
  get token(): number {
    const token = this.#holding.grant.token();
    if (token !== undefined) return token;
    this.assertHeld();
    const shared = this.mode === 'shared' ? 'it was never locked exclusively yet' : undefined;
    const lacking = this.degraded.find(({ reason }) => reason !== 'no-events');
    const why = lacking?.detail ?? shared ?? 'the lock file could not be written';
    throw new UnsupportedError(this.#holding.request, `This grant has no fencing token: ${why}`);
  }

  /** Aborts, with a `LostError` as its reason, when the lock is lost while it is held. */
  get signal(): AbortSignal {
    return this.#holding.signal;
  }

  /**
   * The descriptor that is the lock, for a child process to inherit; undefined where the engine has none. Of a permit, it
   * carries only that the lock is shared, which keeps those out who want it alone: the permit itself is free for others
   * once this process has given it back, or died, whatever the child does.
   */
  get descriptor(): number | undefined {
    return this.#holding.grant.descriptor;
  }

  /**
   * Checks synchronously, in about a microsecond, that the lock is held; call it before each step that must not go wrong.
   *
   * @throws {LostError} when it was released, or lost.
   */
  assertHeld(): void {
    if (this.#released) throwReleased(this.#holding);
    this.#holding.assertHeld();
  }

  /**
   * Adds to the holder's record the process that works under this lock, for those who meet it.
   *
   * Where no `descriptor` carries the lock, the record also keeps it for that process when this one dies. Between the
   * start of a process and this call nothing does: say `starting` before it. Should this process die then, the lock stays
   * held until a person breaks its claim, for nobody can tell whether the process runs.
   *
   * @throws {UnwritableError} such a record cannot be written: a process under the lock would not keep it.
   */
  recordChild(child: RecordedChild): void {
    if (!this.#released && this.#holding.isHeld) this.#holding.grant.recordChild(child);
  }

  /** `exclusive` or `shared`; `upgrade` and `downgrade` change it. */
  get mode(): Mode {
    return this.#holding.request.mode;
  }

  /**
   * Makes an exclusive lock shared, with no instant in between in which another could hold it exclusively. A shared lock
   * stays as it is.
   *
   * @throws {LostError} when it is not held any more. @throws {UnsupportedError} when other code has the same grant, by
   * `reentrant`, and counts on it to be exclusive.
   */
  async downgrade(): Promise<void> {
    if (this.#released) throwReleased(this.#holding);
    this.#holding.downgrade();
  }

  /**
   * Makes a shared lock exclusive as soon as the others who share it are gone; newcomers wait meanwhile. Whatever ends
   * the wait otherwise, the lock is still held in shared mode, except after a `LostError`.
   *
   * @throws {DeadlockError} another holder waits for the same, or for a lock whose `with` encloses this call: neither wait
   * could ever end. @throws {TimeoutError}
   * @throws {LostError} it was released meanwhile, or a program outside the queue took it in the instant of the change.
   * @throws {UnsupportedError} it is a permit, or being upgraded already. @throws {InputError} an option cannot be used.
   * @throws {DegradedError} `strict`, and the exclusive lock would be degraded.
   * @throws {RefusedError} a reader who died left a claim that this user may not remove.
   */
  async upgrade(options: UpgradeOptions = {}): Promise<void> {
    checkUpgradeOptions(options);
    if (this.#released) throwReleased(this.#holding);
    await this.#holding.upgrade(options, enclosingAll());
  }

  /** Gives the lock back, and only this lock. Takes effect before it returns; repeated calls do nothing. */
  release(): Promise<void> {
    if (!this.#released) {
      this.#released = true;
      this.#holding.leave();
    }
    return DONE;
  }

  [Symbol.dispose](): void {
    void this.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

const DONE = Promise.resolve();

function throwReleased(holding: Holding): never {
  throw holding.lost ?? new LostError(holding.request, 'released');
}
