import type { HeldAs, LockRequest, Mode } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import type { LockEvent } from '../events/channel.ts';
import { Date } from '../time/time.ts';

/** A lock as a caller says to hold it; a `Lock` is one. */
export interface HeldLock {
  readonly path: string;
  readonly resource: string;
}

/** A lock that the owner of a request holds while it waits. */
export interface HeldElsewhere extends HeldLock {
  /** That of its request, where it is held by this thread. */
  readonly id?: number;
  readonly mode?: Mode;
  /** Whether it is held now, where that can be told. */
  readonly isHeld?: boolean;
  /** How it was asked for, where it is held by this thread. */
  readonly request?: HeldAs;
  /** Calls back once, just before others can see that the lock is given back; returns the function that stops that. */
  readonly beforeEnd?: (tell: () => void) => () => void;
}

/** One call to acquire, after its options were checked and its resource resolved. */
export interface Request extends LockRequest {
  /** Unique in this thread. */
  readonly id: number;
  /** The manager it was made by. */
  readonly manager: number;
  readonly timeout: number;
  /** The topmost directory above the data file that is still to be made. */
  readonly missing: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly holdLimit: number | undefined;
  readonly strict: boolean;
  readonly reentrant: boolean;
  /** It counts nothing around it as held. */
  readonly detached: boolean;
  /** The locks that the request's owner is known to hold. */
  readonly holding: readonly HeldElsewhere[];
  /** Of the call, where stacks are kept. */
  readonly stack: string | undefined;
}

export function eventBase(request: Request): LockEvent {
  const { id, manager, resource, path, mode, purpose, anonymous } = request;
  const contract = engine.contractOf(request);
  const base = { id, manager, at: Date.now(), resource, path, mode, contract, anonymous };
  return purpose === undefined ? base : { ...base, purpose };
}
