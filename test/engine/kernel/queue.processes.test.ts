import { expect, it, onTestFinished } from 'vitest';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { processFacts, recordOf } from '../../../src/identity/index.ts';
import { Child } from '../../support/child.ts';
import { until, untilStopped } from '../../support/until.ts';
import { requestFor } from '../harness.ts';
import { newPath } from './counters.ts';
import { leaveOldTicket } from './old-ticket.ts';

it('a waiter keeps a free lock from those who do not wait while it runs, and not while it is stopped [R7, H21]', async () => {
  const request = requestFor(newPath());
  const waiter = new Child('sleep', ['600']);
  leaveOldTicket(request, recordOf(waiter.pid));
  expect(kernelEngine.tryAcquire(request)).toBe(undefined);
  waiter.signal('SIGSTOP');
  await untilStopped(waiter.pid);

  const grant = kernelEngine.tryAcquire(request);

  onTestFinished(() => grant?.release());
  expect(grant).toBeDefined();
  grant?.release();
  waiter.signal('SIGCONT');
  await until(() => processFacts.isStopped(waiter.pid) === false, 'the waiter runs again');
  expect(kernelEngine.tryAcquire(request)).toBe(undefined);
});
