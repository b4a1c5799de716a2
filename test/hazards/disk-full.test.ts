import { mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { fill, smallDisk } from '../support/disk.ts';
import { newPlace } from '../support/place.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

beforeEach(() => {
  needsRoot('mount file systems');
});

describe('on a full disk', () => {
  const full = 'size=16k';

  it('a lock is granted and excludes, without a record, and says so [H14]', async () => {
    const { disk, home, locks } = smallDisk(full);
    mkdirSync(locks, { mode: 0o700 });
    fill(disk);
    const manager = new LockManager({ directory: locks });
    const [other] = await Agent.several(home, 1);
    await other.manage({ directory: locks });

    const lock = await manager.acquire('mirror');

    expect(lock.degraded).toMatchObject([
      { reason: 'record-not-written', path: lock.path, detail: expect.stringContaining('ENOSPC') },
    ]);
    expect(await other.couldAcquire('mirror')).toBe(false);
    await expect(other.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
      holders: [{ pid: process.pid }],
    });
    expect(() => lock.token).toThrow(expect.objectContaining({ code: 'HOLDFAST_UNSUPPORTED' }));
    lock.assertHeld();
    expect(statSync(lock.path).size).toBe(0);
    await lock.release();
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('a shared lock is granted without a mark, and excludes exclusive ones [H14]', async () => {
    const { disk, locks } = smallDisk(full);
    const manager = new LockManager({ directory: locks });
    await (await manager.acquire('mirror')).release();
    fill(disk);

    const reader = await manager.acquire('mirror', { mode: 'shared' });

    expect(await manager.tryAcquire('mirror')).toBeUndefined();
    expect(manager.inspect('mirror').state).toBe('shared');
    await reader.release();
    expect(manager.inspect('mirror').state).toBe('free');
  });

  it('a lock that was made before keeps its record and its rising token [H14]', async () => {
    const { disk, locks } = smallDisk(full);
    const manager = new LockManager({ directory: locks });
    const first = await manager.acquire('mirror');
    const { token } = first;
    await first.release();
    fill(disk);

    const lock = await manager.acquire('mirror');

    expect(lock.degraded).toEqual([]);
    expect(lock.token).toBeGreaterThan(token);
    expect(readFileSync(lock.path, 'latin1')).toContain('state held');
    await lock.release();
  });

  it('a strict manager refuses the lock, which is not held then [H14]', async () => {
    const { disk, locks } = smallDisk(full);
    mkdirSync(locks, { mode: 0o700 });
    fill(disk);
    const strict = new LockManager({ directory: locks, strict: true });

    await expect(strict.acquire('mirror')).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });

    expect(strict.inspect('mirror').state).toBe('free');
  });

  it('the lock has its record again as soon as there is room [H14]', async () => {
    const { disk, locks } = smallDisk(full);
    mkdirSync(locks, { mode: 0o700 });
    fill(disk);
    const manager = new LockManager({ directory: locks });
    await (await manager.acquire('mirror')).release();
    unlinkSync(join(disk, 'filler'));

    const lock = await manager.acquire('mirror');

    expect(lock.degraded).toEqual([]);
    expect(lock.recovered).toBe(false);
    expect(lock.token).toBeGreaterThan(0);
    await lock.release();
  });
});

describe('on a disk without a free inode', () => {
  const full = 'size=1m,nr_inodes=2'; // its root, and the directory of the locks

  it('a lock that cannot be made is an UnwritableError with its path [H14]', async () => {
    const { locks } = smallDisk(full);
    mkdirSync(locks, { mode: 0o700 });

    await expect(new LockManager({ directory: locks }).acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      systemCode: 'ENOSPC',
      path: expect.stringContaining(locks),
      message: expect.stringContaining('Make room on the disk, choose another directory'),
    });
    await expect(
      new LockManager({ directory: join(locks, 'deep/er') }).acquire('mirror'),
    ).rejects.toMatchObject({ code: 'HOLDFAST_UNWRITABLE', systemCode: 'ENOSPC' });
  });

  it('a lock that cannot be made lies in the fallback directory, and says so [H14, C5]', async () => {
    const { locks, home } = smallDisk(full);
    mkdirSync(locks, { mode: 0o700 });
    const manager = new LockManager({ directory: locks, fallbackDirectory: join(home, 'fallback') });

    const lock = await manager.acquire('mirror');

    expect(lock.path.startsWith(join(home, 'fallback/'))).toBe(true);
    expect(lock.degraded).toMatchObject([{ reason: 'fallback-directory' }]);
    expect(await manager.tryAcquire('mirror')).toBeUndefined();
    await lock.release();
  });

  it('a shared lock on a file that was made before is granted, without a mark [H14]', async () => {
    const { locks } = smallDisk('size=1m,nr_inodes=3');
    const manager = new LockManager({ directory: locks });
    await (await manager.acquire('mirror')).release();

    const reader = await manager.acquire('mirror', { mode: 'shared' });

    expect(reader.degraded).toMatchObject([{ reason: 'record-not-written' }]);
    expect(await manager.tryAcquire('mirror')).toBeUndefined();
    await reader.release();
  });
});

it('a token is synced again when the process that wrote its bound died before the disk knew it [H14, H16]', async () => {
  const home = tempDirectory();
  const traced = (name: string, inject: string[]) =>
    Agent.start({ home, through: ['strace', '-o', join(home, name), '-e', 'trace=fsync', ...inject] });
  const [victim, next] = await Promise.all([
    traced('first', ['-e', 'inject=fsync:signal=SIGKILL']),
    traced('second', []),
  ]);
  await victim.acquire('mirror');
  await expect(victim.run(({ locks }) => locks.lock?.token)).rejects.toThrow('SIGKILL');

  const granted = await next.acquire('mirror');
  await next.run(({ locks }) => locks.lock?.token);

  expect(granted.recovered).toBe(true);
  expect(readFileSync(join(home, 'second'), 'utf8')).toMatch(/^fsync\(/);
});

it('an error of the disk while a token is made durable is a typed one, and the lock stays held [H14]', async () => {
  const home = tempDirectory();
  const [other] = await Agent.several(home, 1);
  const holder = await Agent.start({
    home,
    through: ['strace', '-o', join(home, 'trace'), '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO'],
  });
  await holder.acquire('mirror');

  await expect(holder.run(({ locks }) => locks.lock?.token)).rejects.toMatchObject({
    code: 'HOLDFAST_UNSUPPORTED',
    message: expect.stringContaining('token'),
  });

  await holder.run(({ locks }) => locks.lock?.assertHeld());
  expect(await other.couldAcquire('mirror')).toBe(false);
});

it('a token that an upgrade could not write is shown to nobody, and is the next holder’s [X56, H14]', async () => {
  const { home, locks } = newPlace();
  const [holder] = await Agent.several(home, 1);
  await holder.acquire('mirror');
  const before = await holder.run(({ locks }) => locks.lock?.token);
  await holder.run(({ locks }) => locks.lock?.downgrade());
  const inject = ['-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=EIO'];
  const failing = new Child('strace', ['-f', ...inject, '-p', String(holder.pid)]);
  await failing.says(/attached/, 'stderr');

  await holder.run(({ locks }) => locks.lock?.upgrade());

  const shown = holder.run(({ locks }) => locks.lock?.token);
  await expect(shown).rejects.toMatchObject({ code: 'HOLDFAST_UNSUPPORTED' });
  await failing.kill('SIGINT');
  await holder.release();
  await using next = await locks.acquire('mirror');
  expect(next.token).toBeGreaterThan(before as number);
});

it('an audit log that met a full disk goes on with a line of its own when there is room again [H14, R70]', async () => {
  const { disk, home } = smallDisk('size=16k');
  const path = join(disk, 'audit.jsonl');
  const manager = new LockManager({ directory: join(home, 'elsewhere'), audit: { path } });
  let isWarned = false;
  process.once('warning', () => {
    isWarned = true;
  });
  await (await manager.acquire('before')).release();
  fill(disk);
  await until(async () => {
    await manager.with('meanwhile', () => {});
    return isWarned;
  }, 'a warning of the full disk');
  unlinkSync(join(disk, 'filler'));
  await (await manager.acquire('after')).release();
  manager.close();

  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const resources = lines.map((line) => {
    try {
      return JSON.parse(line).resource;
    } catch {
      return 'torn';
    }
  });
  expect(resources.filter((resource) => resource === 'torn')).toHaveLength(1);
  expect(resources.slice(resources.indexOf('torn') + 1)).toEqual(['after', 'after', 'after']);
});
