import type { LockRequest } from '../engine.ts';

/** What a ticket's owner waits for: the lock in a mode, one of several permits, or to be alone with what it shares. */
export const ticketKinds = ['exclusive', 'shared', 'permit', 'upgrade'] as const;
export type TicketKind = (typeof ticketKinds)[number];

export function kindInLine({ mode, permits }: LockRequest): TicketKind {
  return permits === undefined ? mode : 'permit';
}

/** Readers go together; everybody else goes one by one, those too who wait for one of several permits. */
export function standsBehind(kind: TicketKind, ahead: TicketKind): boolean {
  return kind !== 'shared' || ahead !== 'shared';
}

/** What has to be free: the whole lock, or one permit. */
export type Vacancy = 'lock' | 'permit';

/**
 * What has to be free, and stay so for a while, before somebody passes those ahead who do not move.
 *
 * Only a waiter that leaves alone what it could take shows that it will not take it. One that waits for the whole lock
 * and is well leaves a permit alone, or a lock that readers share, and must not be passed then, or it would never have
 * its turn. So the whole lock has to be free, except where all of them wait for permits. Who is seen to be stopped is not
 * among those ahead.
 */
export function vacancyFor(kind: TicketKind, ahead: readonly TicketKind[]): Vacancy {
  return [kind, ...ahead].every((each) => each === 'permit') ? 'permit' : 'lock';
}
