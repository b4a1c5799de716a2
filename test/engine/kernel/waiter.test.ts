import { readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { Contender } from '../../../src/engine/kernel/contender.ts';
import { Entry } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { nativePath } from '../../../src/engine/kernel/syscalls/native.ts';
import { self } from '../../../src/identity/self.ts';
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

it('a free lock is had although the one ahead in the line lives and never takes it [R7, R81]', async () => {
  const request = { ...requestFor(newPath()), pollInterval: 5 };
  const ticket = Entry.leave(request, 'exclusive', self());
  onTestFinished(() => ticket?.remove());

  await granted(wait(request));

  expect(ticket?.isListed).toBe(true);
});
