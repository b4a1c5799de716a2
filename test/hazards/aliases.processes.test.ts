import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { bindMount } from '../support/disk.ts';
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
});
