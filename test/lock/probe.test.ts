import { closeSync, openSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { kernelEngine } from '../../src/engine/kernel/kernel.ts';
import { syscalls } from '../../src/engine/kernel/syscalls/index.ts';
import { newLocks } from '../support/place.ts';

it('a try that meets nothing but somebody’s look at a free lock gets the lock [G11]', async () => {
  const locks = newLocks();
  await (await locks.acquire('mirror')).release();
  const look = openSync(locks.pathOf('mirror'), 'r+');
  onTestFinished(() => closeSync(look));
  const { tryAcquire } = kernelEngine;
  const tried = vi.spyOn(kernelEngine, 'tryAcquire');
  onTestFinished(() => tried.mockRestore());

  for (const attempt of [
    () => locks.tryAcquire('mirror'),
    () => locks.acquire('mirror', { timeout: 0 }),
    () => locks.acquireSync('mirror', { timeout: 0 }),
  ]) {
    expect(syscalls().lock(look, 'exclusive')).toBe(0);
    tried.mockImplementationOnce((request) => {
      const grant = tryAcquire(request);
      syscalls().lock(look, 'none'); // the look is over
      return grant;
    });

    const lock = await attempt();

    expect(lock).toBeDefined();
    await lock?.release();
  }
});
