import { readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { Contender } from '../../../src/engine/kernel/contender.ts';
import { Entry } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { nativePath } from '../../../src/engine/kernel/syscalls/native.ts';
import { self } from '../../../src/identity/self.ts';
import { within } from '../../support/deadline.ts';
import { until } from '../../support/until.ts';
import { contender, granted, requestFor } from '../harness.ts';
import { before } from './between.ts';
import { acquire, newPath } from './counters.ts';

const { wait } = contender(kernelEngine);

/** No look without a hint: it would come long after the test has failed. */
const patient = (path: string) => ({ ...requestFor(path), pollInterval: 60_000 });

/** Whether this process has the kernel tell it of this very file. */
function isWatched(path: string): boolean {
  const inode = `ino:${statSync(path).ino.toString(16)} `;
  return readdirSync('/proc/self/fdinfo').some((fd) => watchesOf(fd).includes(inode));
}

function watchesOf(fd: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  } catch {
    return ''; // the descriptor of the listing itself
  }
}

it('a hint that comes some time before the kernel drops the lock is enough for the waiter [R7]', async () => {
  const path = newPath();
  acquire(path).release();
  // Somebody who unlocks without closing, of which the kernel tells nobody.
  const fd = syscalls().open(nativePath(path));
  onTestFinished(() => syscalls().close(fd));
  expect(syscalls().lock(fd, 'exclusive')).toBe(0);
  const started = wait(patient(path));
  await until(() => isWatched(path), 'the waiter watches the lock file');
  let tries = 0;
  before(
    'lock',
    () => void syscalls().lock(fd, 'none'),
    () => ++tries === 5,
  );

  started.waiting.poke();

  await granted(started);
});

it('a waiter whose lock file was replaced watches the new one [H7]', async () => {
  const path = newPath();
  acquire(path);
  const started = wait(patient(path));
  await until(() => isWatched(path), 'the waiter watches the lock file');

  unlinkSync(path);
  const holder = new Contender(requestFor(path)).tryOnce() as Grant;
  onTestFinished(() => holder.release());

  await until(() => isWatched(path), 'the waiter watches the new file');
  expect(started.isOver()).toBe(false);
  holder.release();
  await granted(started);
});

it('a waiter that got its lock watches its file no more', async () => {
  const path = newPath();
  const holder = acquire(path);
  const started = wait(patient(path));
  await until(() => isWatched(path), 'the waiter watches the lock file');
  holder.release();

  const grant = await granted(started);

  await until(() => !isWatched(path), 'nobody watches the lock file');
  expect(grant.isIntact()).toBe(true);
});

it('a waiter takes a free lock although the one ahead of it is alive and never takes it [R7, R81]', async () => {
  const request = { ...requestFor(newPath()), pollInterval: 5 };
  const ticket = Entry.leave(request, 'exclusive', self());
  onTestFinished(() => ticket?.remove());

  await granted(wait(request));

  expect(ticket?.isListed).toBe(true);
});

it('a waiter that gets a hint between its two looks past the one ahead looks twice again [R7, R81]', async () => {
  const request = { ...requestFor(newPath()), pollInterval: 5 };
  const ticket = Entry.leave(request, 'exclusive', self());
  onTestFinished(() => ticket?.remove());
  const isEndOfLook = (_fd: number, mode: string) => mode === 'none';
  let looks = 0;
  before(
    'lock',
    () => {},
    (...args) => isEndOfLook(...args) && ++looks === 2,
  );
  before('lock', () => queueMicrotask(() => started.waiting.poke()), isEndOfLook);

  const started = wait(request);

  await granted(started);
  expect(looks).toBe(2); // without the hint, the first is followed by the grant
});

it('a wait that blocks its thread keeps no descriptor of those ahead that it looked at [H23]', () => {
  const request = requestFor(newPath());
  const ticket = Entry.leave(request, 'exclusive', self());
  onTestFinished(() => ticket?.remove());
  const open: number[] = [];
  const enough = new Error('enough');
  const poll = () => {
    if (open.push(readdirSync('/proc/self/fd').length) === 3) throw enough;
  };

  expect(() => kernelEngine.acquireSync(request, Number.POSITIVE_INFINITY, poll)).toThrow(enough);

  expect(new Set(open).size).toBe(1);
});

it('a lock that is released as soon as it was granted is free at once for one who does not wait [R7, G11]', async () => {
  const path = newPath();
  const holder = acquire(path);
  const next = new Promise<Grant | undefined>((resolve, reject) => {
    const afterwards = (grant: Grant) => {
      grant.release();
      resolve(kernelEngine.tryAcquire(requestFor(path)));
    };
    const nothing = () => {};
    kernelEngine.wait(requestFor(path), {
      granted: afterwards,
      failed: reject,
      moved: nothing,
      degraded: nothing,
    });
  });

  holder.release();

  const grant = await within(next, 'the lock is released');
  expect(grant?.isIntact()).toBe(true);
  grant?.release();
});
