import { closeSync, openSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { native } from '../../../src/engine/kernel/syscalls/native.ts';
import { wake } from '../../../src/engine/kernel/wake/index.ts';
import { within } from '../../support/deadline.ts';
import { requestFor } from '../harness.ts';
import { afterEvery } from './between.ts';
import { acquire, newPath } from './counters.ts';

/** The grant's descriptor in somebody else's hands, who has it open for longer than the grant lasts. */
function lend(grant: Grant): void {
  const dup = native().load(null).func('int dup(int fd)');
  const duplicate = dup(grant.descriptor);
  onTestFinished(() => closeSync(duplicate));
}

it.each([
  ['has its descriptor to itself', () => {}],
  ['has lent its descriptor', lend],
])(
  'a holder that %s has cleared its record before anybody else can have the lock [X56, G12]',
  (_, prepare) => {
    const path = newPath();
    const holder = acquire(path);
    prepare(holder);
    let successor: Grant | undefined;
    afterEvery(['lock', 'write', 'close'], () => {
      successor ??= kernelEngine.tryAcquire({ ...requestFor(path), purpose: 'next' });
    });

    holder.release();

    onTestFinished(() => successor?.release());
    expect(successor).toBeDefined();
    expect(successor?.recovered).toBe(undefined);
    const { holders } = kernelEngine.inspect(path);
    expect(holders).toMatchObject([{ pid: process.pid, purpose: 'next' }]);
  },
);

it('a lock whose descriptor was lent is free at its release, although the borrower still has it open [X56, R9]', () => {
  const path = newPath();
  const holder = acquire(path);
  lend(holder);

  holder.release();

  acquire(path);
});

it('a lock that was lent, and then handed on within the thread, is free at its release [R9]', () => {
  const path = newPath();
  const first = acquire(path);
  lend(first);
  const second = first.passTo(requestFor(path));

  second?.release();

  expect(second).toBeDefined();
  acquire(path);
});

it('those who wait are told of the release of a lock that was lent, although the borrower still has it open [R7]', async () => {
  const path = newPath();
  const holder = acquire(path);
  lend(holder);
  const fd = openSync(path, 'r');
  onTestFinished(() => closeSync(fd));
  const told = new Promise<void>((resolve) => {
    onTestFinished(wake().watch(fd, path, 'lock', resolve));
  });

  holder.release();

  await within(told, 'waiting for the news of a release');
});
