import { unlinkSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { Contender } from '../../../src/engine/kernel/contender.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { within } from '../../support/deadline.ts';
import { requestFor } from '../harness.ts';
import { before } from './between.ts';
import { acquire, newPath } from './counters.ts';

function contenderFor(path: string): Contender {
  const contender = new Contender(requestFor(path));
  onTestFinished(() => contender.close());
  return contender;
}

it('a lock file that is replaced after a contender has opened it grants it nothing [H7, X56]', () => {
  const path = newPath();
  acquire(path).release();
  let holder: Grant | undefined;
  before('lock', () => {
    unlinkSync(path);
    holder = acquire(path);
  });

  expect(kernelEngine.tryAcquire(requestFor(path))).toBe(undefined);

  expect(holder?.isIntact()).toBe(true);
});

it('whoever waits for the holder of a lock file that was replaced has the new one at the next try [H7]', () => {
  const path = newPath();
  const old = acquire(path);
  const waiter = contenderFor(path);
  expect(waiter.tryOnce()).toBe(undefined);
  unlinkSync(path);

  const grant = waiter.tryOnce();

  onTestFinished(() => grant?.release());
  expect(grant?.isIntact()).toBe(true);
  expect(old.isIntact()).toBe(false);
});

it('a look at whether a lock is free leaves it free [R7]', () => {
  const path = newPath();
  const onlooker = contenderFor(path);

  expect(onlooker.isFree()).toBe(true);
  acquire(path);
  expect(onlooker.isFree()).toBe(false);
});

it('the loss of a lock is told also when its file was replaced before anybody asked to be told [H7]', async () => {
  const path = newPath();
  const grant = acquire(path);
  unlinkSync(path);

  const lost = new Promise<void>((resolve) => onTestFinished(grant.watchLoss(resolve).stop));

  await within(lost, 'waiting for the loss of a lock');
});
