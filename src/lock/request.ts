import type { LockRequest, Mode } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import type { LockEvent } from '../events/channel.ts';

/** A lock that the owner of a request holds while it waits. */
export interface HeldElsewhere {
  readonly path: string;
  readonly resource: string;
  /** That of its request, where it is held by this thread. */
  readonly id?: number;
  readonly mode?: Mode;
}

/** One call to acquire, after its options were checked and its resource resolved. */
export interface Request extends LockRequest {
  /** Unique in this thread. */
  readonly id: number;
  /** The manager it was made by. */
  readonly manager: number;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly holdLimit: number | undefined;
  readonly strict: boolean;
  readonly reentrant: boolean;
  /** The locks that the request's owner is known to hold. */
  readonly holding: readonly HeldElsewhere[];
}

export function eventBase(request: Request): LockEvent {
  const { id, manager, resource, path, mode, purpose, anonymous } = request;
  const contract = engine.contractOf(request);
  const base = { id, manager, at: Date.now(), resource, path, mode, contract, anonymous };
  return purpose === undefined ? base : { ...base, purpose };
}
