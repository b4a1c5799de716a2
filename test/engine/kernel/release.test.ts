import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { native } from '../../../src/engine/kernel/syscalls/native.ts';
import { wake } from '../../../src/engine/kernel/wake/index.ts';
import { nestedPath } from '../../../src/engine/nested.ts';
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

/** What a child that another thread forks has until it runs its program, though nobody lent it anything. */
function forkedFrom(path: string): void {
  const dup = native().load(null).func('int dup(int fd)');
  const open = readdirSync('/proc/self/fd').filter((fd) => targetOf(fd) === path);
  expect(open.length).toBeGreaterThan(0);
  for (const fd of open) {
    const duplicate = dup(Number(fd));
    onTestFinished(() => closeSync(duplicate));
  }
}

function targetOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the descriptor of the listing itself
  }
}

it.each([
  ['exclusive', requestFor],
  ['shared', (path: string) => requestFor(path, 'shared')],
  ['permit', (path: string) => ({ ...requestFor(path, 'shared'), permits: 1 })],
] as const)(
  'a lock (%s) is free at its release while a child that is being forked still has its descriptor [X19]',
  (_, request) => {
    const path = newPath();
    const holder = kernelEngine.tryAcquire(request(path));
    forkedFrom(path);

    holder?.release();

    acquire(path).release();
    const again = kernelEngine.tryAcquire(request(path));
    onTestFinished(() => again?.release());
    expect(again).toBeDefined();
  },
);

it('a lock that is refused in the moment it was got is free though a child has its descriptor [X19]', () => {
  const path = newPath();
  const holder = kernelEngine.tryAcquire({ ...requestFor(path, 'shared'), permits: 2 });
  let forked = false;
  afterEvery(['lock'], () => {
    if (!forked) forkedFrom(path);
    forked = true;
  });

  expect(() => kernelEngine.tryAcquire({ ...requestFor(path, 'shared'), permits: 3 })).toThrow();

  holder?.release();
  acquire(path);
});

it('a nested lock that was only looked at is free though a child has its descriptor [X19, X1]', () => {
  const path = newPath();
  const nested = nestedPath(path);
  acquire(nested).release();
  const holder = acquire(path);
  holder.admitNested();
  let forked = false;
  afterEvery(['lock'], () => {
    if (forked || !readdirSync('/proc/self/fd').some((fd) => targetOf(fd) === nested)) return;
    forked = true;
    forkedFrom(nested);
  });

  holder.release();

  expect(forked).toBe(true);
  acquire(nested).release();
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

it.each([
  ['', (holder: Grant, _path: string) => holder],
  [
    ', and then handed on within the thread',
    (holder: Grant, path: string) => holder.passTo(requestFor(path)),
  ],
])(
  'those who wait are told of the release of a lock that was lent%s, although the borrower still has it open [R7]',
  async (_, handOn) => {
    const path = newPath();
    const first = acquire(path);
    lend(first);
    const holder = handOn(first, path);
    const fd = openSync(path, 'r');
    onTestFinished(() => closeSync(fd));
    const told = new Promise<void>((resolve) => {
      onTestFinished(wake().watch(fd, path, 'lock', resolve));
    });

    holder?.release();

    expect(holder).toBeDefined();
    await within(told, 'waiting for the news of a release');
  },
);
