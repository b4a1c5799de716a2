import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { LockRequest } from '../../../src/engine/engine.ts';
import { queueDirectory } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { Place } from '../../../src/engine/kernel/queue.ts';
import { self } from '../../../src/identity/self.ts';
import { requestFor } from '../harness.ts';
import { newPath } from './counters.ts';
import { leaveOldTicket } from './old-ticket.ts';

function placeIn(request: LockRequest): Place {
  const place = new Place(request);
  onTestFinished(() => place.leave());
  return place;
}

it('a waiter whose ticket was removed by hand takes a new one, at the tail, and no other waiter does [R7]', () => {
  const request = requestFor(newPath());
  const [first, second] = [placeIn(request), placeIn(request)];
  first.join();
  second.join();
  unlinkSync(join(queueDirectory(request.path), first.ticket as string));

  expect([first.join(), second.join()]).toEqual([true, false]);

  expect([first.position(), second.position()]).toEqual([2, 1]);
});

it('nobody can tell of a waiter in another pid namespace whether it can take its turn, though its pid runs here too [H3, G11]', () => {
  const request = requestFor(newPath());
  leaveOldTicket(request, { ...self(), pidNamespace: '1' });
  expect(kernelEngine.tryAcquire(request)).toBe(undefined);

  const grant = kernelEngine.lookPast(request)?.takeThen();

  onTestFinished(() => grant?.release());
  expect(grant).toBeDefined();
});

it('a second look leaves a free lock to a waiter that came after the first [R7, G11]', () => {
  const request = requestFor(newPath());
  leaveOldTicket(request, { ...self(), pidNamespace: '1' });
  const lookAgain = kernelEngine.lookPast(request);
  expect(lookAgain).toBeDefined();

  placeIn(request).join();

  expect(lookAgain?.takeThen()).toBe(undefined);
});
