import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor, upgrading } from '../harness.ts';

it('an upgrade that outlives its grant converts no lock that got the descriptor’s number since [H9, R81]', async () => {
  const home = tempDirectory();
  const take = (name: string) => kernelEngine.tryAcquire(requestFor(join(home, name), 'shared')) as Grant;
  const released = take('mirror.lock');
  const number = released.descriptor;
  const upgrade = upgrading(released);

  released.release();
  const other = take('registry.lock');

  expect(other.descriptor).toBe(number);
  expect(await upgrade.ended()).toBe('lost');
  const reader = take('registry.lock');
  expect(reader).toBeDefined();
  reader.release();
  other.release();
});
