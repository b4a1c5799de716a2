import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { Contender } from '../../../src/engine/kernel/contender.ts';
import { queueDirectory } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { TOKENS_PER_TENURE } from '../../../src/engine/kernel/token.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor, upgrading } from '../harness.ts';
import { failWhere } from '../portable/intercept.ts';
import { before } from './between.ts';
import { acquire, countersOf, newPath, refuseWrites } from './counters.ts';

function share(path: string): Grant {
  const grant = kernelEngine.tryAcquire(requestFor(path, 'shared')) as Grant;
  onTestFinished(() => grant.release());
  return grant;
}

/** One try of a program that regards no ticket. */
function push(path: string, mode: 'exclusive' | 'shared'): Grant | undefined {
  const contender = new Contender(requestFor(path, mode));
  onTestFinished(() => contender.close());
  return contender.tryOnce();
}

it('an upgrade that outlives its grant converts no lock that got the descriptor’s number since [H9]', async () => {
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

it('an upgrade has lost the lock when somebody had it alone while the kernel converted it [X56, H9]', async () => {
  const path = newPath();
  const reader = share(path);
  const { descriptor } = reader;
  before('convert', () => {
    syscalls().lock(descriptor as number, 'none'); // as flock(2) does before it tries for the new lock
    const writer = push(path, 'exclusive');
    expect(writer).toBeDefined();
    writer?.release();
  });

  expect(await upgrading(reader).ended()).toBe('lost');
});

it('an upgrade that another reader comes before goes on, and still shares the lock [X56, R4]', () => {
  const path = newPath();
  const reader = share(path);
  let other: Grant | undefined;
  before('convert', () => {
    other = push(path, 'shared');
  });
  const ends: unknown[] = [];
  const waiting = reader.upgrade({
    degraded: () => {},
    converted: () => ends.push('converted'),
    lost: () => ends.push('lost'),
    failed: (error) => ends.push(error),
  });
  onTestFinished(() => waiting.cancel());

  waiting.poke();
  expect(other).toBeDefined();
  other?.release();

  expect(push(path, 'exclusive')).toBe(undefined);
  expect(ends).toEqual([]);
});

it('an upgrade gives its shared lock up for no try while nobody can tell how many share it [H23, X56]', async () => {
  const path = newPath();
  const [reader, other] = [share(path), share(path)];
  let isUsedUp = true;
  failWhere('readFileSync', 'EMFILE', (path) => isUsedUp && path === '/proc/locks');
  failWhere('readdirSync', 'EMFILE', () => isUsedUp);
  before('convert', () => expect(isUsedUp).toBe(false));
  const upgrade = upgrading(reader);

  expect(await upgrade.outcome()).toBe('waiting');
  other.release();
  isUsedUp = false;
  expect(await upgrade.ended()).toBe('converted');
});

it('nobody comes past a reader that waits to have the lock alone [R7]', () => {
  const path = newPath();
  const [first, second] = [share(path), share(path)];
  const waiting = first.upgrade({
    degraded: () => {},
    converted: () => {},
    lost: () => {},
    failed: () => {},
  });
  onTestFinished(() => waiting.cancel());

  expect(kernelEngine.tryAcquire(requestFor(path, 'shared'))).toBe(undefined);
  second.release();
  expect(kernelEngine.tryAcquire(requestFor(path, 'exclusive'))).toBe(undefined);

  waiting.cancel();
  share(path);
});

it('an upgrade after an exclusive holder that died is granted, is told of it, and has a token and a bound of its own [X15, X56, R45]', async () => {
  const [path, left] = [newPath(), newPath()];
  const dead = acquire(path);
  const shown = dead.token() as number;
  copyFileSync(path, left); // as the holder leaves it that is killed
  const reader = share(left);
  expect(reader.recovered).toBe(undefined);

  expect(await upgrading(reader).ended()).toBe('converted');

  expect(reader.recovered).toMatchObject({ pid: process.pid });
  const { bound } = countersOf(left);
  expect(reader.token()).toBeGreaterThan(shown);
  expect(countersOf(left).bound).toBeGreaterThan(bound);
  reader.release();
  expect(acquire(left).recovered).toBe(undefined);
});

it('an upgrade whose record could not be written has no token, and says so until it is downgraded [X11, H14]', async () => {
  const path = newPath();
  acquire(path).release();
  const reader = share(path);
  const repair = refuseWrites();

  expect(await upgrading(reader).ended()).toBe('converted');

  expect(reader.token()).toBe(undefined);
  expect(reader.degraded).toMatchObject([{ reason: 'record-not-written', path }]);
  repair();
  reader.downgrade();
  expect(reader.degraded).toEqual([]);
  expect(await upgrading(reader).ended()).toBe('converted');
  expect(reader.degraded).toEqual([]);
  expect(reader.token()).toBe(countersOf(path).token - TOKENS_PER_TENURE);
});

it('an upgrade on somebody else’s content has no token, and says so, however often it is made [X11, H15]', async () => {
  const path = newPath();
  writeFileSync(path, '{"roles":[]}');
  const reader = share(path);
  expect(reader.degraded).toEqual([]);

  for (let turn = 0; turn < 2; turn++) {
    expect(await upgrading(reader).ended()).toBe('converted');
    expect(reader.token()).toBe(undefined);
    expect(reader.degraded).toMatchObject([{ reason: 'foreign-content', path }]);
    reader.downgrade();
  }
  expect(readFileSync(path, 'utf8')).toBe('{"roles":[]}');
});

it('a downgrade that can leave no record of who shares the lock says so [X11, H17]', () => {
  const path = newPath();
  const holder = acquire(path);
  writeFileSync(queueDirectory(path), 'in the way');

  holder.downgrade();

  expect(holder.degraded).toMatchObject([{ reason: 'record-not-written', path }]);
});
