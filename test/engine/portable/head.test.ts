import { expect, it } from 'vitest';
import { Line } from '../../../src/engine/portable/line.ts';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { settingsOf } from '../../../src/engine/portable/settings.ts';
import { gate, within } from '../../support/deadline.ts';
import { unusedLock } from '../harness.ts';

it('a waiter hears that it has come to the head before it is granted the lock, whenever the others left [X4]', async () => {
  const { request } = unusedLock();
  const engine = portableEngine();
  const holder = engine.tryAcquire(request());
  const ahead = new Line(new PortableLock(request(), settingsOf({})));
  ahead.join();
  const { opened, open } = gate();
  const told: (number | undefined)[] = [];

  const waiting = engine.wait(request(), {
    moved: () => {
      told.push(waiting.position);
      ahead.leave(); // between what it is told and what it does next
      holder?.release();
    },
    granted: (grant) => {
      grant.release();
      open();
    },
    failed: (error) => {
      throw error;
    },
    degraded: () => {},
  });

  await within(opened, 'its grant');
  expect(told).toEqual([2, 1]);
});
