import { describe, expect, it, onTestFinished } from 'vitest';
import { kernelEngine } from '../../src/engine/kernel/kernel.ts';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { passTime } from '../support/time.mjs';
import { contender, expectStillWaiting, granted, unusedLock } from './harness.ts';

describe.each([
  ['kernel', kernelEngine],
  ['portable', portableEngine()],
] as const)('by the %s engine', (_, engine) => {
  it('one who waits for a permit does not pass a waiter that is well and waits for the whole lock [X22, R7]', async () => {
    const { request } = unusedLock();
    const { acquire, wait } = contender(engine);
    const permit = { ...request('shared'), permits: 2 };
    const holder = await acquire(permit);
    const writer = wait(request());
    const behind = wait(permit);

    await expectStillWaiting(behind);

    holder.release();
    const alone = await granted(writer);
    onTestFinished(() => alone.release());
    alone.release();
    await granted(behind);
  });

  it.each([
    ['a writer', {}, { mode: 'shared' }],
    ['a taker of a permit', { mode: 'shared', permits: 1 }, { mode: 'shared', permits: 1 }],
  ] as const)(
    'one who looks often does not pass a waiter that is well and seldom looks: %s [X22, R7]',
    async (_, first, others) => {
      const { request } = unusedLock();
      const { acquire, wait } = contender(engine);
      const holder = await acquire({ ...request(), ...others });
      const order: string[] = [];
      const ahead = wait({ ...request(), ...first, pollInterval: 10_000 });
      const behind = wait({ ...request(), ...others });
      void ahead.granted.then(() => order.push('ahead'));
      void behind.granted.then(() => order.push('behind'));
      await passTime(20_000); // so that the one ahead looks as seldom as it may

      holder.release();
      await passTime(20_000);

      expect(order).toEqual(['ahead']);
    },
  );
});
