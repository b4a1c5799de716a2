import { channel } from 'node:diagnostics_channel';
import type { Contract, Degradation, Mode } from '../engine/engine.ts';
import type { LossReason } from '../errors/lock-errors.ts';
import type { HolderRecord } from '../identity/holder.ts';
import { listenOn } from './listening.ts';

/** What every event tells. Times are in milliseconds: `at` since the epoch, spans on the monotonic clock. */
export interface LockEvent {
  /** The same for all events of one request in one thread. */
  readonly id: number;
  /** The same for all requests of one manager in one thread. */
  readonly manager: number;
  readonly at: number;
  readonly resource: string;
  readonly path: string;
  readonly mode: Mode;
  readonly contract: Contract;
  readonly purpose?: string | undefined;
  /** Whether the lock's owner asked not to be named. */
  readonly anonymous: boolean;
}

/** Every lifecycle step, and what its event tells on top. Each step is published once. */
export interface LockEvents {
  requested: LockEvent & { readonly timeout: number };
  /** The lock was not free; published when the wait starts, and again when the place in the queue is another. */
  waiting: LockEvent & {
    readonly waited: number;
    readonly holders: readonly HolderRecord[];
    readonly position: number;
  };
  granted: LockEvent & { readonly waited: number };
  released: LockEvent & { readonly held: number };
  'timed-out': LockEvent & { readonly waited: number; readonly holders: readonly HolderRecord[] };
  aborted: LockEvent & { readonly waited: number; readonly reason: unknown };
  lost: LockEvent & { readonly held: number; readonly reason: LossReason };
  /** The grant follows on a holder that ended without releasing. */
  recovered: LockEvent & { readonly previous: HolderRecord };
  /** The directory of a data file did not exist, and was made with those below it, for the lock to lie in. */
  'directory-made': LockEvent & { readonly directory: string };
  degraded: LockEvent & { readonly degradation: Degradation };
  /** Every reference to the held lock is gone: nobody can release it before the process ends. */
  leaked: LockEvent & { readonly held: number };
  /** The process exits while it holds the lock. */
  exited: LockEvent & { readonly held: number };
}

export type LockEventName = keyof LockEvents;

export const eventNames = [
  'requested',
  'waiting',
  'granted',
  'released',
  'timed-out',
  'aborted',
  'lost',
  'recovered',
  'directory-made',
  'degraded',
  'leaked',
  'exited',
] as const satisfies readonly LockEventName[];

/** The channels, named `holdfast:<event>`; other copies of the package in this process publish on the same ones. */
export const channels = Object.fromEntries(
  eventNames.map((name) => [name, channel(`holdfast:${name}`)]),
) as Record<LockEventName, ReturnType<typeof channel>>;

/** Publishes an event that is built only when somebody listens. */
export function publish<N extends LockEventName>(name: N, build: () => LockEvents[N]): void {
  if (channels[name].hasSubscribers) channels[name].publish(build());
}

/**
 * Listens to one kind of event, from every lock of this thread. Returns the function that stops it.
 *
 * A listener runs inside the step it is told of, so it should be quick; what it throws becomes an `uncaughtException`,
 * as `node:diagnostics_channel` has it, and never reaches the lock's user.
 *
 * @throws {InputError} there is no event of that name, or the listener is no function.
 */
export function onLockEvent<N extends LockEventName>(
  name: N,
  listener: (event: LockEvents[N]) => void,
): () => void {
  return listenOn(channels, name, listener);
}
