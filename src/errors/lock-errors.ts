import { dirname } from 'node:path';
import type { HolderRecord } from '../identity/holder.ts';
import { isThisProcess } from '../identity/self.ts';
import { cannotBeMade, elsewhere } from './advice.ts';
import { type ErrorCode, HoldfastError } from './base.ts';
import { duration, heldOrKept, holder, holders, isStuck, printable, shellWord, shown } from './describe.ts';

/** What every error about one lock carries. */
export interface LockFacts {
  /** The resource as the caller named it. */
  readonly resource: string;
  /** The lock file, or the engine's own key. */
  readonly path: string;
  /** How the command line names this resource, such as `mirror` or `./data/roles.json`. */
  readonly cliName: string;
  /** The data file, for a lock beside one. */
  readonly beside?: string | undefined;
  /** What to do about a busy lock, where that is not to look at the lock itself. */
  readonly nextStep?: string | undefined;
  /** Where it was acquired, for a lock that this very process holds. */
  readonly own?: OwnHold | undefined;
}

/** What is known of where this process acquired a lock. */
export interface OwnHold {
  /** The stack of the call, while such stacks are kept. */
  readonly stack?: string | undefined;
}

/** What an error about a busy lock carries on top. */
export interface ContentionFacts extends LockFacts {
  readonly holders: readonly HolderRecord[];
  /** Who waits for it, the first one first, where it is free and they alone are in the way. */
  readonly waiters?: readonly HolderRecord[] | undefined;
  /** How long was waited, in milliseconds on the monotonic clock. */
  readonly waited: number;
  /** Place in the queue when the wait ended, 1 = next; absent when unknown. */
  readonly position?: number | undefined;
  /** The network drive the lock lies on, in words. */
  readonly networkDrive?: string | undefined;
}

/** An error about one lock. */
export class LockError extends HoldfastError {
  static override readonly code: ErrorCode | undefined = undefined;
  readonly resource: string;
  readonly path: string;

  constructor(code: ErrorCode, facts: LockFacts, message: string, cause?: unknown) {
    super(code, message, cause);
    this.resource = facts.resource;
    this.path = facts.path;
  }

  // Has no code of its own to be told by, and not every Holdfast error is about a lock.
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the base asks for the code of the subclass that is asked about
    return super[Symbol.hasInstance](value) && 'resource' in (value as object);
  }
}

/** An error about a lock that others hold. */
export class ContentionError extends LockError {
  readonly holders: readonly HolderRecord[];
  readonly waited: number;
  readonly position: number | undefined;

  constructor(code: ErrorCode, facts: ContentionFacts, message: string) {
    super(code, facts, message);
    this.holders = facts.holders;
    this.waited = facts.waited;
    this.position = facts.position;
  }

  /** The first holder's record, if it left one. */
  get holder(): HolderRecord | undefined {
    return this.holders[0];
  }
}

function nextStep(facts: ContentionFacts): string {
  if (facts.own !== undefined) return facts.nextStep ?? ownStep(facts.own);
  if (facts.holders.some(({ copy }) => copy === true)) return copyStep(facts);
  const stuck = facts.holders.find(isStuck);
  if (stuck !== undefined) return stuckStep(facts, stuck);
  return facts.nextStep ?? `Look: holdfast who ${facts.cliName} · wait: holdfast wait ${facts.cliName}`;
}

function ownStep({ stack }: OwnHold): string {
  const where = stack === undefined ? ', which HOLDFAST_TRACE=1 tells' : '';
  return `Release it where it was acquired${where}, or wait longer (timeout)`;
}

/** A lock that is looked at in another way has no name that other commands know; its directory they know. */
function copyStep({ cliName, nextStep, path }: LockFacts): string {
  return copyAdvice(nextStep === undefined ? cliName : shellWord(printable(dirname(path))));
}

/** What to do about a copy of a claim. `what`: the lock, as commands call it, or the directory it lies in. */
export function copyAdvice(what: string): string {
  return `Its process holds nothing here, so leave it alone, and remove the copy: holdfast clean ${what}`;
}

/** The stack of the acquisition, as the last lines of a message. */
function acquiredAt({ own }: LockFacts): string {
  return own?.stack === undefined ? '' : `. It was acquired here:\n${own.stack}`;
}

/** Nobody is robbed for being slow: what a holder does not give back by itself, a person decides. */
export function stuckStep({ cliName }: Pick<LockFacts, 'cliName'>, { pid, stopped }: HolderRecord): string {
  const goOn =
    stopped === true && pid !== undefined ? `let it go on (kill -CONT ${pid})` : 'wait until it goes on';
  return `Its lock is not taken away, because its work may be half done: ${goOn}, or end it: holdfast break --kill ${cliName}`;
}

function lockAt({ path, networkDrive }: ContentionFacts): string {
  const where = `Lock: ${printable(path)}`;
  if (networkDrive === undefined) return where;
  return (
    `${where}, on ${printable(networkDrive)}: the holder may be on another machine, its release is seen by looking again ` +
    'and again, and if it died there, only that machine can tell'
  );
}

function heldBy(facts: ContentionFacts): string {
  const who = facts.own === undefined ? holders(facts.holders) : thisProcess(facts.holders);
  const how = facts.own === undefined ? heldOrKept(facts.holders) : 'held';
  return `${shown(facts.resource)} is ${how} by ${who}`;
}

/** With its record before those of others; without one where it hides who it is. */
function thisProcess(records: readonly HolderRecord[]): string {
  const own = records.filter(isThisProcess);
  if (own.length === 0) return 'this process';
  return `this process: ${holders([...own, ...records.filter((record) => !own.includes(record))])}`;
}

function busyWith(facts: ContentionFacts): string {
  const [first, ...rest] = facts.waiters ?? [];
  if (first === undefined) return heldBy(facts);
  const who = rest.length === 0 ? '1 waits for it:' : `${rest.length + 1} wait for it, first of all`;
  return `${shown(facts.resource)} is free, but ${who} ${holder(first)}`;
}

/** The lock is held, or others wait for it, and the caller asked not to wait (`timeout: 0`). Nothing has happened. */
export class BusyError extends ContentionError {
  static override readonly code = 'HOLDFAST_BUSY';
  constructor(facts: ContentionFacts) {
    super(
      BusyError.code,
      facts,
      `${busyWith(facts)}. ${nextStep(facts)}. ${lockAt(facts)}${acquiredAt(facts)}`,
    );
  }
}

/** The lock was not granted within the timeout. The holder was not disturbed, and no late grant follows. */
export class TimeoutError extends ContentionError {
  static override readonly code = 'HOLDFAST_TIMEOUT';
  constructor(facts: ContentionFacts) {
    const waited = `waited ${duration(facts.waited)}`;
    const place = facts.position === undefined ? '' : ` at place ${facts.position} of the queue`;
    super(
      TimeoutError.code,
      facts,
      `${heldBy(facts)}; ${waited}${place}. ${nextStep(facts)}. ${lockAt(facts)}${acquiredAt(facts)}`,
    );
  }
}

/** Why a lock that was granted is not held any more. */
export type LossReason = 'replaced' | 'expired' | 'hold-limit' | 'released';

const LOSS: Record<LossReason, (facts: LockFacts, detail: string) => string> = {
  replaced: (facts) =>
    `its lock file ${printable(facts.path)} was replaced or removed by another program while it was held; ` +
    'another holder may be at work. Stop writing, check the protected data, and take the lock again',
  expired: () =>
    'its lease ran out before this process renewed it (it was stopped, suspended or busy for too long), so another ' +
    'holder may be at work. Stop writing, and take the lock again',
  'hold-limit': (_facts, detail) =>
    `it was held longer than its hold limit of ${detail} and was released by its own watchdog. ` +
    'Raise holdLimit, or split the work',
  released: () => 'it was released before. Acquire it again before the next guarded step',
};

/** The lock was granted once and is not held any more. */
export class LostError extends LockError {
  static override readonly code = 'HOLDFAST_LOST';
  readonly reason: LossReason;
  constructor(facts: LockFacts, reason: LossReason, detail = '') {
    super(
      LostError.code,
      facts,
      `The lock on ${shown(facts.resource)} is not held: ${LOSS[reason](facts, detail)}.`,
    );
    this.reason = reason;
  }
}

/** Waiting could never end: the caller, or the chain of those it waits for, already holds the lock. */
export class DeadlockError extends LockError {
  static override readonly code = 'HOLDFAST_DEADLOCK';
  /** The steps of the cycle, one sentence each. */
  readonly cycle: readonly string[];
  constructor(facts: LockFacts, cycle: readonly string[], nextStepText: string) {
    super(
      DeadlockError.code,
      facts,
      `Waiting for ${shown(facts.resource)} would never end: ${cycle.join('; ')}. ${nextStepText}. Lock: ${printable(facts.path)}${acquiredAt(facts)}`,
    );
    this.cycle = cycle;
  }
}

/** Others hold the lock under another number of permits; all who use one name must agree on it. Nothing is held. */
export class PermitsError extends LockError {
  static override readonly code = 'HOLDFAST_PERMITS';
  /** What the others agreed on; 0 stands for plain shared holders. */
  readonly agreed: number;
  constructor(facts: LockFacts, asked: number, agreed: number) {
    const terms = (permits: number) => (permits === 0 ? 'as a plain shared lock' : `with ${permits} permits`);
    super(
      PermitsError.code,
      facts,
      `${shown(facts.resource)} is held ${terms(agreed)}, and was asked for ${terms(asked)}. ` +
        `Use the same number of permits everywhere, or another name. Lock: ${printable(facts.path)}`,
    );
    this.agreed = agreed;
  }
}

/** The engine cannot give what was asked for here: no such lock on this platform or file system. */
export class UnsupportedError extends LockError {
  static override readonly code = 'HOLDFAST_UNSUPPORTED';
  constructor(facts: LockFacts, what: string, cause?: unknown) {
    super(
      UnsupportedError.code,
      facts,
      `${what} (lock ${printable(facts.path)} for ${shown(facts.resource)}).`,
      cause,
    );
  }
}

/**
 * The lock was available only under weaker conditions, and `strict` was asked for. It is not held; one that was to be
 * upgraded is shared, as before.
 */
export class DegradedError extends LockError {
  static override readonly code = 'HOLDFAST_DEGRADED';
  constructor(facts: LockFacts, details: readonly string[]) {
    super(
      DegradedError.code,
      facts,
      `${shown(facts.resource)} could be locked only in a degraded way, and strict is set: ${details.join('; ')}. ` +
        'Repair the cause, or drop strict to accept it.',
    );
  }
}

/** What a refused contract was refused for. */
export interface ContractFacts {
  readonly required: 'kernel' | 'claim' | 'lease';
  /** The best that is available here. */
  readonly available: 'kernel' | 'claim' | 'lease';
  readonly why: string;
}

/** The lock was available only under a weaker contract than `require` allows. It is not held. */
export class ContractError extends LockError {
  static override readonly code = 'HOLDFAST_CONTRACT';
  readonly required: ContractFacts['required'];
  readonly available: ContractFacts['available'];
  constructor(facts: LockFacts, { required, available, why }: ContractFacts) {
    super(
      ContractError.code,
      facts,
      `${shown(facts.resource)} can be locked only with the contract '${available}', and '${required}' is required: ` +
        `${printable(why)}. Accept it (require: '${available}', --require ${available}), or move the lock to where the ` +
        `required one is available. Lock: ${printable(facts.path)}`,
    );
    this.required = required;
    this.available = available;
  }
}

/**
 * The lock file can neither be opened nor made, and no fallback directory is set; or the command that is to work under a
 * lock cannot be put on record, where that is what keeps the lock for it.
 */
export class UnwritableError extends LockError {
  static override readonly code = 'HOLDFAST_UNWRITABLE';
  /** The system's code, such as `EACCES`, `EROFS` or `ENOSPC`. */
  readonly systemCode: string;
  readonly #cliMessage: string;
  constructor(
    facts: LockFacts,
    reason: string,
    cause?: unknown,
    says: (readBy: 'library' | 'command line') => string = (face) => cannotBeMade(facts, reason, cause, face),
  ) {
    super(UnwritableError.code, facts, says('library'), cause);
    this.systemCode = reason;
    this.#cliMessage = says('command line');
  }

  override get cliMessage(): string {
    return this.#cliMessage;
  }

  /** A lock file that is there, and that this user may not even read. */
  static ofFile(facts: LockFacts, reason: string, cause?: unknown): UnwritableError {
    const lock = facts.resource === facts.path ? '' : ` for ${shown(facts.resource)}`;
    const message =
      `The lock file ${printable(facts.path)}${lock} is there and cannot be opened: ${reason}. ` +
      'Have its owner let this user read it and its directory, or do this as its owner.';
    return new UnwritableError(facts, reason, cause, () => message);
  }

  /** The command that is to work under a lock, whose record `facts.path` would be. */
  static ofCommand(facts: LockFacts, reason: string, cause?: unknown): UnwritableError {
    const problem =
      `No command can work under the lock on ${shown(facts.resource)}: ${printable(facts.path)}, which would keep the ` +
      `lock for it if this process were killed, cannot be written: ${reason}. Make room on the disk`;
    return new UnwritableError(facts, reason, cause, (face) =>
      facts.beside === undefined ? `${problem}, or ${elsewhere(face)}.` : `${problem}.`,
    );
  }
}

/** Something that is not a lock file stands in its place, or the place is not safe. It was left untouched. */
export class RefusedError extends LockError {
  static override readonly code = 'HOLDFAST_REFUSED';
  constructor(facts: LockFacts, what: string, outcome = 'it was left untouched') {
    super(
      RefusedError.code,
      facts,
      `${printable(facts.path)} ${what}; ${outcome} (lock for ${shown(facts.resource)}).`,
    );
  }
}

/** The engines, as an error can name them. */
export type EngineName = 'kernel' | 'portable';

/** What another engine left there, in words. */
const TRACES: Record<EngineName, string> = {
  kernel: 'a lock file of the kernel engine',
  portable: 'a claim of the portable engine',
};

/**
 * Another engine is in use for this lock; two engines would not exclude each other. Nothing is held, and what was found
 * was left untouched.
 */
export class EngineMismatchError extends LockError {
  static override readonly code = 'HOLDFAST_MISMATCH';
  /** The engine this contender would have used. */
  readonly wanted: EngineName;
  /** The engine that is in use. */
  readonly found: EngineName;
  /** `unable`: why this program cannot use the engine that is in use, and what helps, in words. */
  constructor(facts: LockFacts, wanted: EngineName, found: EngineName, unable?: string) {
    const advice =
      unable === undefined
        ? `and this program was to use the ${wanted} engine. Give every program that uses this lock the same engine (option ` +
          `engine: '${found}', or HOLDFAST_ENGINE=${found})`
        : `which this program cannot use, because ${printable(unable)}`;
    super(
      EngineMismatchError.code,
      facts,
      `${shown(facts.resource)} belongs to another engine, whether or not somebody holds it: ` +
        `${printable(facts.path)} is ${TRACES[found]}, ${advice}.`,
    );
    this.wanted = wanted;
    this.found = found;
  }
}

/** The process or the system is out of descriptors or memory. The lock is not held. */
export class ExhaustedError extends LockError {
  static override readonly code = 'HOLDFAST_EXHAUSTED';
  constructor(facts: LockFacts, reason: string, cause?: unknown, message?: string) {
    super(
      ExhaustedError.code,
      facts,
      message ??
        `The lock file ${printable(facts.path)} cannot be opened: ${reason} (too many open files, or no memory). ` +
          `Close some, or raise the limit (ulimit -n), then lock ${shown(facts.resource)} again.`,
      cause,
    );
  }
}
