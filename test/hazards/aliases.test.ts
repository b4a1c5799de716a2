import { existsSync, linkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { tempDirectory } from '../support/temp.ts';
import { dataFile } from './data-directory.ts';

describe('one data file', () => {
  it('has one lock before it is made, through the link that names it, and after [H19]', async () => {
    const base = tempDirectory();
    symlinkSync('later/roles.json', join(base, 'link.json'));
    const manager = new LockManager();
    const before = manager.pathOf({ file: join(base, 'link.json') });
    expect(before).toBe(join(base, 'later/.roles.json.lock'));
    expect(manager.pathOf({ file: join(base, 'later/roles.json') })).toBe(before);
    const lock = await manager.acquire({ file: join(base, 'link.json') });

    writeFileSync(join(base, 'later/roles.json'), '{}');

    expect(manager.pathOf({ file: join(base, 'link.json') })).toBe(before);
    expect(await manager.tryAcquire({ file: join(base, 'later/roles.json') })).toBeUndefined();
    await lock.release();
  });

  it('keeps its lock when it is replaced by another file of its name [H19, G17]', async () => {
    const { data, file } = dataFile();
    const manager = new LockManager();
    const lock = await manager.acquire({ file });
    writeFileSync(join(data, 'new'), '{"a":1}');
    renameSync(join(data, 'new'), file);

    lock.assertHeld();
    expect(await manager.tryAcquire({ file })).toBeUndefined();
    await lock.release();
  });

  it('has two locks under two hard links, which are two names, as documented [H19]', async () => {
    const { data, file } = dataFile();
    linkSync(file, join(data, 'hard.json'));
    const manager = new LockManager();
    const lock = await manager.acquire({ file });

    const other = await manager.tryAcquire({ file: join(data, 'hard.json') });

    expect(other?.path).toBe(join(data, '.hard.json.lock'));
    await other?.release();
    await lock.release();
  });

  it('is another one under the other Unicode form of its name, which is another name to Linux [H19]', async () => {
    const { data } = dataFile();
    const manager = new LockManager();
    const paths = ['caf\u00e9', 'cafe\u0301'].map((name) => manager.pathOf({ file: join(data, name) }));
    expect(new Set(paths).size).toBe(2);
    expect(manager.pathOf('caf\u00e9')).not.toBe(manager.pathOf('cafe\u0301'));
    expect(manager.pathOf({ file: join(data, 'ROLES.json') })).not.toBe(
      manager.pathOf({ file: join(data, 'roles.json') }),
    );
  });

  it('cannot be named by links that lead in a circle [H19]', async () => {
    const base = tempDirectory();
    symlinkSync('b', join(base, 'a'));
    symlinkSync('a', join(base, 'b'));

    await expect(new LockManager().acquire({ file: join(base, 'a') })).rejects.toMatchObject({
      code: 'HOLDFAST_INPUT',
    });
  });
});

describe('the path of a lock', () => {
  it('is .<name>.lock beside the file, whatever the name looks like [G17]', () => {
    const manager = new LockManager();
    const base = tempDirectory();
    const expected: Record<string, string> = {
      'roles.json': '.roles.json.lock',
      '.hidden': '..hidden.lock',
      'with space': '.with space.lock',
      'x.lock': '.x.lock.lock',
      'émoji 🔒': '.émoji 🔒.lock',
      'new\nline': '.new\nline.lock',
    };
    for (const [name, lock] of Object.entries(expected)) {
      expect(manager.pathOf({ file: join(base, name) })).toBe(join(base, lock));
      expect(manager.pathOf({ file: join(base, `${name}/`) })).toBe(join(base, lock));
    }
  });

  it('is <slug>~<hash>.lock in the manager’s directory for a name, the same on every machine [G17]', () => {
    const manager = new LockManager({ directory: '/locks' });
    expect(manager.pathOf('mirror')).toBe('/locks/mirror~53f65c34395f9938d26a.lock');
    expect(manager.pathOf({ name: 'mirror' })).toBe('/locks/mirror~53f65c34395f9938d26a.lock');
    expect(manager.pathOf({ name: 'a/b c' })).toMatch(/^\/locks\/a-b-c~[0-9a-f]{20}\.lock$/);
  });

  it('makes neither file nor directory by being asked for [G17]', () => {
    const directory = join(tempDirectory(), 'locks');
    const manager = new LockManager({ directory });
    manager.pathOf('mirror');
    expect(manager.inspect('mirror').state).toBe('free');
    expect(manager.query()).toEqual({ held: [], pending: [] });
    expect(existsSync(directory)).toBe(false);
  });
});
