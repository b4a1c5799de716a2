import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { expect, it } from 'vitest';
import { StoppedClock } from '../support/clock.ts';
import { newPlace } from '../support/place.ts';

it('tells what this thread waits for, each in its place [R8]', async () => {
  const { locks } = newPlace();
  const lock = await locks.acquire('mirror');
  const clock = new StoppedClock();
  const first = locks.acquire('mirror', { purpose: 'first' });
  clock.advance(1_000);
  const second = locks.acquire('mirror', { mode: 'shared' });
  clock.advance(500);

  const { pending } = locks.query();
  clock.resume();
  expect(pending).toMatchObject([
    { resource: 'mirror', path: lock.path, mode: 'exclusive', position: 1, purpose: 'first', waited: 1_500 },
    { resource: 'mirror', path: lock.path, mode: 'shared', position: 2, waited: 500 },
  ]);
  expect(pending[1]).not.toHaveProperty('purpose');

  await lock.release();
  await (await first).release();
  expect((await second).mode).toBe('shared');
  expect(locks.query().pending).toEqual([]);
  await (await second).release();
});

it('lists locks on files that this thread holds, though they lie elsewhere', async () => {
  const { home, locks } = newPlace();
  const file = join(home, 'roles.json');
  const lock = await locks.acquire({ file });

  expect(locks.query().held).toMatchObject([{ resource: file, path: lock.path }]);
  await lock.release();
  expect(locks.query().held).toEqual([]);
});

it('lists nothing but lock files, and survives what else lies among them [H15]', () => {
  const { home } = newPlace();
  const directory = join(home, 'locks');
  mkdirSync(join(directory, 'folder.lock'), { recursive: true });
  writeFileSync(join(directory, 'notes.txt'), 'hello');
  writeFileSync(join(directory, 'strange.lock'), '\0\u001b[2J'.repeat(1000));
  const locks = new LockManager({ directory });

  expect(locks.list().map(({ resource, state }) => [resource, state])).toEqual([
    ['folder', 'free'],
    ['strange', 'free'],
  ]);
});
