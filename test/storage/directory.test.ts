import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeDirectory, unsafeDirectory } from '../../src/storage/directory.ts';
import { stateHome } from '../../src/storage/home.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';

const TEAM = 64_100;

describe('the directory of a lock', () => {
  it('is made with its parents, for its user alone, by the first lock that needs it [G13]', async () => {
    const base = tempDirectory();
    const manager = new LockManager({ directory: join(base, 'a/b/c') });
    expect(readdirSync(base)).toEqual([]);

    await (await manager.acquire('mirror')).release();

    expect(statSync(join(base, 'a/b/c')).mode & 0o7777).toBe(0o700);
  });

  it('is made for a data file that does not exist either [G13, R2]', async () => {
    const file = join(tempDirectory(), 'x/y/roles.json');
    const lock = await new LockManager().acquire({ file });
    expect(lock.path).toBe(join(file, '../.roles.json.lock'));
    await lock.release();
  });

  it('for everybody has its mode whole, whatever the umask of who made it, and its parents have no sticky bit [H17]', () => {
    const base = tempDirectory();
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));

    makeDirectory(join(base, 'a/locks'), 'everyone');

    expect(statSync(join(base, 'a/locks')).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(base, 'a')).mode & 0o7000).toBe(0);
  });

  it('is found by makeDirectory whoever made it, and a file in its place is an error', () => {
    const base = tempDirectory();
    makeDirectory(join(base, 'a/b'), 'owner');
    makeDirectory(join(base, 'a/b'), 'owner');
    expect(statSync(join(base, 'a/b')).mode & 0o777).toBe(0o700);
    writeFileSync(join(base, 'file'), '');
    expect(() => makeDirectory(join(base, 'file'), 'owner')).toThrow();
  });
});

it.each([
  ['700', '700'],
  ['750', '750'],
  ['755', '755'],
  ['770', '770'],
  ['777', '777'],
  ['1755', '755'],
  ['1770', '770'],
  ['1777', '755'],
  ['2750', '2750'],
  ['2770', '2770'],
  ['3770', '2770'],
  ['3775', '2775'],
  ['3777', '755'],
])(
  'a directory of mode %s has directories of mode %s and of its group made in it, under every umask [K19]',
  (mode, below) => {
    needsRoot('give a directory to a group');
    const umask = process.umask();
    onTestFinished(() => void process.umask(umask));
    for (const mask of [0o000, 0o002, 0o022, 0o027, 0o077, 0o777]) {
      const base = tempDirectory();
      chownSync(base, 0, TEAM);
      chmodSync(base, Number.parseInt(mode, 8));
      process.umask(mask);
      makeDirectory(join(base, 'a/b'), 'as its parent');
      process.umask(umask);
      for (const path of [join(base, 'a'), join(base, 'a/b')]) {
        const stats = statSync(path);
        expect((stats.mode & 0o7777).toString(8), `${path} under ${mask.toString(8)}`).toBe(below);
        expect(stats.gid).toBe(TEAM);
      }
    }
  },
);

it('tells which directories others could change things in (owners are set here as root) [R69, H18]', () => {
  const base = tempDirectory();
  const made = (name: string, mode: number, owner = 0) => {
    const path = join(base, name);
    mkdirSync(path);
    chmodSync(path, mode);
    chownSync(path, owner, owner);
    return unsafeDirectory(path);
  };
  expect(made('private', 0o700)).toBeUndefined();
  expect(made('group', 0o770)).toBeUndefined();
  expect(made('sticky', 0o1777)).toBeUndefined();
  expect(made('open', 0o777)).toContain('sticky bit');
  expect(made('writable', 0o702)).toContain('sticky bit');
  symlinkSync('private', join(base, 'link to private'));
  symlinkSync('open', join(base, 'link to open'));
  expect(unsafeDirectory(join(base, 'link to private'))).toBeUndefined();
  expect(unsafeDirectory(join(base, 'link to open'))).toContain('sticky bit');
  expect(unsafeDirectory(join(base, 'missing'))).toBeUndefined();
  expect(made('a stranger’s', 0o1777, 65534)).toContain('65534');
});

describe('where the state lives', () => {
  it('is HOLDFAST_HOME, else below XDG_STATE_HOME, else below the home directory [F13]', () => {
    expect(stateHome({ HOLDFAST_HOME: '/a', XDG_STATE_HOME: '/b' })).toBe('/a');
    expect(stateHome({ HOLDFAST_HOME: '', XDG_STATE_HOME: '/b' })).toBe('/b/holdfast');
    expect(stateHome({})).toMatch(/\/\.local\/state\/holdfast$/);
  });
});
