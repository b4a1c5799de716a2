import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { choice } from '../../../src/engine/choice/choice.ts';
import { MOST_CHANGES } from '../../../src/engine/choice/choosing-wait.ts';
import { siteOf } from '../../../src/engine/choice/site.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { self } from '../../../src/identity/self.ts';
import { tempDirectory } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { requestFor } from '../harness.ts';
import { leaveClaim } from '../portable/stale.ts';

const TIMEOUT = 1000;

it('a wait that meets the other engine’s file again and again ends with that error: somebody deletes lock files [F1]', async () => {
  const request = requestFor(join(tempDirectory(), 'mirror.lock'));
  const { path } = request;
  const puts = {
    kernel: () => {
      const holder = kernelEngine.tryAcquire(request);
      onTestFinished(() => holder?.release());
    },
    portable: () => void leaveClaim(path, 'file', self()),
  };
  puts.portable();
  const failures: unknown[] = [];
  const waiting = choice.wait(request, {
    granted: (grant) => grant.release(),
    failed: (error) => void failures.push(error),
    degraded: () => {},
    moved: () => {},
  });
  onTestFinished(() => waiting.cancel());

  let moves = 0;
  while (failures.length === 0 && moves < 20) {
    const next = siteOf(path).domain === 'portable' ? 'kernel' : 'portable';
    unlinkSync(path);
    puts[next]();
    const hasMoved = () => {
      waiting.poke();
      return siteOf(path).domain === next || failures.length > 0;
    };
    await until(hasMoved, `the wait goes on with the ${next} engine`);
    if (failures.length === 0) moves++;
  }

  expect(failures).toMatchObject([{ code: 'HOLDFAST_MISMATCH' }]);
  expect(moves).toBeLessThanOrEqual(MOST_CHANGES);
});

it('a wait that blocks its thread has one time for all engines that it comes to [F1, F8]', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const request = requestFor(join(tempDirectory(), 'mirror.lock'));
  const holder = kernelEngine.tryAcquire(request);
  onTestFinished(() => holder?.release());
  let polls = 0;
  const poll = () => {
    vi.advanceTimersByTime(TIMEOUT - 10);
    if (++polls > 1) return;
    unlinkSync(request.path);
    leaveClaim(request.path, 'file', self());
  };

  expect(choice.acquireSync(request, TIMEOUT, poll)).toBe(undefined);

  expect(polls).toBe(2); // the second one in the ten milliseconds that were left
});
