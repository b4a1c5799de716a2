import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { bindMount, bindMountFile } from '../support/disk.ts';
import { dataFile } from './data-directory.ts';

describe('one data file', () => {
  const ways: readonly (readonly [string, (at: ReturnType<typeof dataFile>) => string])[] = [
    ['a relative path', ({ file }) => relative(process.cwd(), file)],
    ['a path with ..', ({ data }) => `${data}/../data/./x/../roles.json`],
    ['doubled slashes', ({ data }) => `${data}//roles.json`],
    [
      'a symbolic link to its directory',
      ({ base, data }) => {
        symlinkSync(data, join(base, 'link'));
        return join(base, 'link/roles.json');
      },
    ],
    [
      'a symbolic link to the file',
      ({ base, file }) => {
        symlinkSync(file, join(base, 'other.json'));
        return join(base, 'other.json');
      },
    ],
    [
      'a chain of relative links',
      ({ base }) => {
        symlinkSync('data', join(base, 'first'));
        symlinkSync('first/roles.json', join(base, 'second'));
        return join(base, 'second');
      },
    ],
  ];

  it.each(ways)('has one lock, also by %s [H19, G17]', async (_way, alias) => {
    const at = dataFile();
    const [holder] = await Agent.several(at.base, 1);
    const manager = new LockManager();
    const other = alias(at);

    const { path } = await holder.acquire({ file: at.file });

    expect(path).toBe(join(at.data, '.roles.json.lock'));
    expect(manager.pathOf({ file: other })).toBe(path);
    expect(await manager.tryAcquire({ file: other })).toBeUndefined();
    await holder.release();
    const lock = await manager.acquire({ file: other });
    expect(await holder.couldAcquire({ file: at.file })).toBe(false);
    await lock.release();
  });

  it('has one lock through a bind mount, although the paths differ (mounted here as root) [H19]', async () => {
    const { base, data, file } = dataFile();
    const mount = join(base, 'mount');
    bindMount(data, mount);
    const manager = new LockManager();
    const lock = await manager.acquire({ file });

    expect(await manager.tryAcquire({ file: join(mount, 'roles.json') })).toBeUndefined();

    await lock.release();
  });

  it.each(['kernel', 'portable'] as const)(
    'is not waited for, through a bind mount, by code that holds it, under the %s engine (mounted here as root) [H19]',
    async (engine) => {
      const { base, data, file } = dataFile();
      const mount = join(base, 'mount');
      bindMount(data, mount);
      const manager = new LockManager({ engine });
      const other = { file: join(mount, 'roles.json') };

      await manager.with({ file }, async () => {
        await expect(manager.acquire(other, { timeout: 60_000 })).rejects.toMatchObject({
          code: 'HOLDFAST_DEADLOCK',
        });
        const again = await manager.acquire(other, { reentrant: true });
        again.assertHeld();
        await again.release();
      });
      const lock = await manager.acquire({ file }, { mode: 'shared' });
      const named = manager.acquire(other, { holding: [lock], timeout: 60_000 });
      await expect(named).rejects.toMatchObject({ code: 'HOLDFAST_DEADLOCK' });
      await lock.release();
      const both = await manager.acquireAll([{ ...other, mode: 'shared' }, { file }], { timeout: 60_000 });
      expect(both.locks.map(({ mode }) => mode)).toEqual(['exclusive']);
      await both.release();
    },
  );

  it('has two locks when it is mounted by itself on another path: the path says which lock, as documented [X9]', async () => {
    const { base, data, file } = dataFile();
    const mount = join(base, 'mounted.json');
    bindMountFile(file, mount);
    const manager = new LockManager();
    const lock = await manager.acquire({ file });

    const other = await manager.tryAcquire({ file: mount });

    expect(other?.path).toBe(join(base, '.mounted.json.lock'));
    // The reason: after a save that replaces the file, the two paths have two contents, and nothing to protect together.
    writeFileSync(join(data, 'new'), '{"saved":1}');
    renameSync(join(data, 'new'), file);
    expect(readFileSync(mount, 'utf8')).not.toBe(readFileSync(file, 'utf8'));
    await other?.release();
    await lock.release();
  });
});
