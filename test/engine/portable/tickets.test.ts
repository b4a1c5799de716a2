import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import type { Place } from '../../../src/engine/portable/place.ts';
import { settingsOf } from '../../../src/engine/portable/settings.ts';
import { leaveTicket, listTickets, ticketName } from '../../../src/engine/portable/ticket.ts';
import { self } from '../../../src/identity/self.ts';
import { unusedLock } from '../harness.ts';
import { leaveClaim } from './stale.ts';

/** The name of a ticket of another process whose clock is ahead by so many milliseconds, left now. */
function leaveAnothers(place: Place, ahead: number): string {
  mkdirSync(place.queue);
  const name = ticketName('exclusive', String((Date.now() + ahead) * 1000).padStart(16, '0'));
  leaveClaim(join(place.queue, name), 'file', self());
  return name;
}

describe('the tickets of those who wait for a portable lock', () => {
  it.each([
    ['behind one of the same moment', 500, [0, 1]],
    ['before one of a clock that is far ahead', 60_000, [1, 0]],
  ])('a newcomer stands %s [R7]', (_where, ahead, order) => {
    const { request } = unusedLock();
    const lock = new PortableLock(request(), settingsOf({}));
    const anothers = leaveAnothers(lock.place, ahead);

    const own = leaveTicket(lock, 'exclusive');

    const expected = order.map((index) => [anothers, own?.name][index]);
    expect(listTickets(lock.place).map(({ name }) => name)).toEqual(expected);
  });
});
