import type { EngineName } from '../errors/lock-errors.ts';
import type { HolderRecord } from '../identity/holder.ts';

export type { EngineName };

export type Mode = 'exclusive' | 'shared';

/**
 * What a grant is worth. `kernel`: freed by the operating system the moment the holder dies, never given to two.
 * `claim`: freed on proof of the holder's death only. `lease`: freed by time; two holders can overlap for a moment.
 */
export type Contract = 'kernel' | 'claim' | 'lease';

/** The process that works under a lock on behalf of its holder; `starting` while it may run already and has no name. */
export type RecordedChild = NonNullable<HolderRecord['child']> | 'starting';

/** A process that goes on under a lock when its holder and the command have ended. */
export type Heir = NonNullable<HolderRecord['child']>;

/** A way in which a grant is weaker than usual. Mutual exclusion holds in each of them. */
export interface Degradation {
  readonly reason:
    | 'read-only-file' // locked through a read-only descriptor: no record, no fencing token
    | 'foreign-content' // the lock file holds somebody else's content, which was left alone: no record, no token
    | 'record-not-written' // the disk is full or failing: no record, no token
    | 'record-damaged' // the record could not be read back; the token was started anew from the clock
    | 'fallback-directory' // the lock lies in the fallback directory: only contenders that also fell back see it
    | 'no-kernel-lock' // locked by the portable engine, because the kernel's lock is not available or not proved
    | 'network-drive' // locked by the kernel on a drive that other machines may use: nothing proves that they are kept out
    | 'no-events'; // the system's watch limit is reached: waits, and looks for a loss, go on by timer
  readonly path: string;
  readonly detail: string;
}

/** Which engine a contender wants, and what it accepts. */
export interface Terms {
  /** `auto`: the kernel where its lock is available and proved, else portable; and always that which is in use already. */
  readonly engine: EngineName | 'auto';
  /** The weakest contract that will do. */
  readonly require: Contract;
  /** How the portable engine lays out its claims; undefined for its own choice. */
  readonly layout: 'file' | 'directory' | undefined;
  /** Milliseconds; accepts that a portable lock is taken over by time. */
  readonly lease: number | undefined;
  /** Milliseconds; the age at which a portable claim that is damaged beyond proof counts as dead. */
  readonly staleAfter: number | undefined;
}

/** A permit, for the commands that run under it and take it again. */
export interface HeldPermit {
  /** The lock whose permit it is. */
  readonly lock: string;
  /** What stands for it: its slot, or the lock by which it is held nested. Its nested lock is named after that. */
  readonly by: string;
}

/** A holder under whose lock a command may take the same lock again. */
export interface Outer {
  readonly pid: number;
  readonly start: string;
  /** Which permit it has, where that is what it holds. */
  readonly permit?: HeldPermit;
}

/** One contender's wish, with all its names resolved. */
export interface LockRequest {
  /** The lock file. */
  readonly path: string;
  /** The resource as the caller named it. */
  readonly resource: string;
  /** How the command line names the resource. */
  readonly cliName: string;
  /** The data file whose permissions a new lock file takes over; undefined for a lock on a name. */
  readonly beside: string | undefined;
  readonly mode: Mode;
  /**
   * The shared holder around this shared request, which stands in no line then: who waits for that holder to end would
   * wait for this one too, and it for them.
   */
  readonly within?: Outer | undefined;
  /** How many may hold the lock together; such a request is a shared one. */
  readonly permits: number | undefined;
  readonly purpose: string | undefined;
  /** The longest sleep between two tries while waiting, in milliseconds; undefined for the engine's own choice. */
  readonly pollInterval: number | undefined;
  /** Who may use a lock on a name: its user alone, or everybody on the machine. */
  readonly access: 'owner' | 'everyone';
  /** Leave out of the record everything that says who holds the lock. */
  readonly anonymous: boolean;
  /** For whoever is to be told which directory, the topmost, was made for the lock meanwhile. */
  readonly home?: { made?: string } | undefined;
  /** Undefined for the usual: what is best there, and at least `claim`. */
  readonly terms?: Terms | undefined;
}

/** A lock the engine gave out. It belongs to whoever got it, and only `release` gives it back. */
export interface Grant {
  readonly contract: Contract;
  /** The previous exclusive holder, when it ended without releasing. Reported to exactly one exclusive grant. */
  readonly recovered: HolderRecord | undefined;
  readonly degraded: readonly Degradation[];
  /** The descriptor that carries the lock, for a child process to inherit; undefined when the engine has none. */
  readonly descriptor: number | undefined;
  /** All descriptors that a command needs to keep what was granted; undefined when the engine has none. */
  readonly descriptors: readonly number[] | undefined;
  /** The permit that this is, for those who are nested under it. */
  readonly permit: HeldPermit | undefined;
  /** The fencing token, durable before it is returned; undefined when this grant has none (see `degraded`). */
  token(): number | undefined;
  /** Whether this is still the lock that other contenders see. Synchronous, a few microseconds. */
  isIntact(): boolean;
  /** Whether the time of its lease is over; never so without one. Synchronous, by clocks alone. */
  isExpired(): boolean;
  /** Calls back once when the lock file is replaced or removed, or the lease is over. */
  watchLoss(onLoss: () => void): LossWatch;
  /**
   * Adds to the record the command that runs under this lock. Where no descriptor carries the lock, this is what keeps it
   * for the command when this process dies, and it is durable when this returns. @throws {UnwritableError} it is not.
   */
  recordChild(child: RecordedChild): void;
  /**
   * Says that commands under this grant may take its lock again (`nestedPath`), and from then on keep it when this grant
   * ends. To be called before the first of them is started. False where it cannot be said, so that they would not.
   */
  admitNested(): boolean;
  /**
   * Has the grant of a nested lock hold the permit that it is nested in, until its own release, together with this holder.
   * False, and nothing changed, where that one is not the holder of the permit any more.
   */
  join(outer: Outer & { readonly permit: HeldPermit }): boolean;
  /**
   * From now on, a release leaves the lock to processes that work under it: it is free when the last of them has ended.
   * The descriptor tells who they are; where there is none, those that are named here.
   */
  bequeath(heirs: readonly Heir[]): void;
  /**
   * Hands the lock on to another request of the same thread, as a grant of its own with the next token; this one is then
   * over. Undefined, and this grant unchanged, where only a release and a new grant will do.
   */
  passTo(request: LockRequest): Grant | undefined;
  /** Makes an exclusive lock shared, with no instant in between in which it is free. */
  downgrade(): void;
  /** The same for an upgrade that was refused: what `recovered` told is told to the next exclusive holder instead. */
  revert(): void;
  /** Waits until a shared lock can be made exclusive; until then, and after a cancel, it is held as it was. */
  upgrade(outcome: Conversion): Waiting;
  release(): void;
  /** Gives back what its request never got: as `release`, but what `recovered` says is told to the next exclusive grant. */
  decline(): void;
}

/** A watch for the loss of a lock. */
export interface LossWatch {
  /** Why a loss may be told later than it could be. */
  readonly degraded?: Degradation | undefined;
  stop(): void;
}

/** How the wait for an upgrade ends, and what is told of it before. */
export interface Conversion {
  readonly degraded: (degradation: Degradation) => void;
  readonly converted: () => void;
  /** The lock is held in no mode any more. */
  readonly lost: () => void;
  /** The lock is held as before. */
  readonly failed: (error: unknown) => void;
}

/** A wait in progress. */
export interface Waiting {
  /** Place in the queue of all processes, 1 = next; undefined where there is no order. */
  readonly position: number | undefined;
  /** Look again now. */
  poke(): void;
  /** Ends the wait. Once it returns, no grant follows: one that raced is given back. */
  cancel(): void;
}

export interface WaitOutcome {
  readonly granted: (grant: Grant) => void;
  readonly failed: (error: unknown) => void;
  readonly degraded: (degradation: Degradation) => void;
  /** Somebody ahead is gone. */
  readonly moved: () => void;
}

/** What can be seen of one lock from outside. A snapshot: it may be history by the time it is read. */
export interface Inspection {
  readonly state: 'free' | Mode;
  readonly holders: readonly HolderRecord[];
  /** Who waits, in the order of the queue. */
  readonly waiters: readonly WaiterInfo[];
  /** The name the lock was taken under, as far as its record tells. */
  readonly name: string | undefined;
  /** What the grants of those who hold it are worth, where that is not the engine's usual. */
  readonly contract?: Contract;
}

/** What somebody who holds a lock waits for at the same time. Information only. */
export interface WaitNote {
  /** Tells one wait from every other of this machine. */
  readonly id: string;
  /** When the wait began, in monotonic nanoseconds, as decimal digits. */
  readonly since: string;
  /** The lock that is waited for. */
  readonly path: string;
  /** Where that is for all who do not see it by this path; see `whereaboutsOf`. */
  readonly place?: string;
  readonly resource: string;
  /** The waiter, in words. */
  readonly who: string;
  /** What it holds, in words. */
  readonly holds: string;
  /** It waits for one of this many permits; undefined when for all holders to let go. */
  readonly permits?: number;
  /** Tells the hold beside which the note lies from others of the same lock, where that is known. */
  readonly hold?: string;
  /** Whose that hold is, as its record would say; undefined where it may be another process that holds for the waiter. */
  readonly holder?: Pick<HolderRecord, 'pid' | 'thread' | 'pidNamespace' | 'boot'>;
  /** Whether that hold is an exclusive one. */
  readonly alone?: boolean;
  /** In which mode it waits; undefined when for the lock alone. */
  readonly mode?: Mode;
  /** A writer that stands before it in the queue, in words; only where it waits to share the lock. */
  readonly behind?: string;
}

/** Somebody who waits, as seen from outside. */
export interface WaiterInfo {
  readonly mode: Mode;
  readonly record: HolderRecord;
  /** Milliseconds. */
  readonly waited: number;
}

/** A file that an engine left at or beside a lock, and that carries its signature. */
export interface Leftover {
  readonly path: string;
  /** `claim`: stands for a hold. `ticket`: for a wait. `litter`: for nothing. */
  readonly what: 'claim' | 'ticket' | 'litter';
  /** Why it may be removed, or has to stay. */
  readonly why: string;
  /** Removes it, if that is still right; says whether it did. Undefined where it has to stay. */
  readonly remove: (() => boolean) | undefined;
}

/**
 * Who stands before a request in the line. `awake`: somebody who can take its turn. `unknown`: only such of whom nobody can
 * tell, as in another container. Those who are seen to be stopped stand before nobody.
 */
export type Ahead = 'nobody' | 'unknown' | 'awake';

/** Milliseconds in which a waiter that was woken takes the lock: who sees it free before and after passes nobody awake. */
export const SECOND_LOOK = 20;

/** What may be taken past those ahead, after a moment. */
export interface SecondLook {
  /** The moment, in milliseconds, in which each of those ahead would take the lock if it were awake. */
  readonly patience: number;
  /** To be called then. Takes the lock if it still is free, and nobody can tell of those ahead. */
  readonly takeThen: () => Grant | undefined;
}

/** How a lock was asked for, as far as it says who may use the files beside it. */
export type HeldAs = Pick<LockRequest, 'beside' | 'access'>;

/** Who decides. Every engine passes the same conformance suite. */
export interface Engine {
  readonly contract: Contract;
  /** One attempt that never waits; undefined when somebody else holds the lock. */
  tryAcquire(request: LockRequest): Grant | undefined;
  /**
   * For a request that does not wait and got nothing. Undefined where the lock is held, or where somebody ahead is seen to
   * be able to take it. Else the lock is free, and nobody can tell whether those ahead will ever take their turn.
   */
  lookPast(request: LockRequest): SecondLook | undefined;
  /** Waits until the lock is granted or the wait is cancelled; the outcome is never called from inside this call. */
  wait(request: LockRequest, outcome: WaitOutcome): Waiting;
  /**
   * Waits on this very thread, for at most `timeout` milliseconds; undefined when the time is up. `poll` is called between
   * the tries, and ends the wait when it throws.
   */
  acquireSync(request: LockRequest, timeout: number, poll?: () => void): Grant | undefined;
  /** Whether other processes wait for the lock, as far as can be told at little cost. */
  isContended(path: string): boolean;
  inspect(path: string): Inspection;
  /** The processes to which a descriptor that carries the lock has come, or that of a nested one; as far as can be seen. */
  carriers(path: string): number[];
  /**
   * Whether a request that has the nested lock of this path holds the lock itself together with this exclusive holder; under
   * a permit, whether its grant could `join` this holder.
   */
  admits(path: string, outer: Outer): boolean;
  /**
   * Leaves a note beside a lock that is held here, for all who may use that one; returns the function that removes it.
   * `held`: how the lock was asked for, where that is known.
   */
  noteWait(heldPath: string, note: WaitNote, held?: HeldAs): () => void;
  /** The notes of those who hold a lock and wait for another. */
  waitsOf(path: string): WaitNote[];
  /** What is left of this engine at a lock: by the living, who keep it, and by the dead. */
  leftovers(path: string): Leftover[];
  /**
   * Calls back once when the lock is seen to be free, without taking it, or when nothing can be seen of it; returns a
   * function that stops the watch.
   */
  untilFree(path: string, onFree: () => void, onError: (error: unknown) => void): () => void;
}
