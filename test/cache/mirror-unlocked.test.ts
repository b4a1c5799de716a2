import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { MirrorError } from 'holdfast';
import { type EntryInfo, openCache } from 'holdfast/cache';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { temporaryOf } from '../../src/cache/mirror-temporary.ts';
import type { Lock } from '../../src/lock/lock.ts';
import { Date as WallClock } from '../../src/time/time.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { gate } from '../support/deadline.ts';
import { bindMount, bindMountFile } from '../support/disk.ts';
import { tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';
import { interceptPromise, making, newCache, put, refuses } from './support.ts';

const DAY = 86_400_000;
const TEMPORARY = /^\.holdfast-[0-9a-f]{20}-[0-9a-f]{16}\.mirror$/;

/** A cache with one entry, which nobody can write, so that a mirror is made without a lock; in `original`, it can be. */
async function readOnlyCache() {
  const home = tempDirectory();
  const [original, directory] = [join(home, 'original'), join(home, 'cache')];
  await put(await openCache(original), 'corpus', 'words');
  bindMount(original, directory);
  tool('mount', ['-o', 'remount,bind,ro', directory]);
  return { home, original, directory, cache: await openCache(directory, { mirrorMode: 'copy' }) };
}

it('a mirror that two make at once from a cache that can only be read is whole when either returns [G6, K18]', async () => {
  const { home, cache } = await readOnlyCache();
  const mirror = join(home, 'there/corpus');
  const [copied, half, rename, copy] = [gate(), gate(), gate(), gate()];
  let copies = 0;
  let renames = 0;
  interceptPromise('copyFile', (original) => async (from, to, mode) => {
    if (copies++ > 0) {
      writeFileSync(to, 'wo', { flag: 'wx' }); // as far as it is yet
      half.open();
      await copy.opened;
      rmSync(to);
    }
    return original(from, to, mode);
  });
  interceptPromise('rename', (original) => async (from, to) => {
    if (renames++ === 0) {
      copied.open();
      await rename.opened;
    }
    return original(from, to);
  });
  const first = cache.fetch('corpus', refuses, { mirror });
  await copied.opened;
  const second = cache.fetch('corpus', refuses, { mirror });
  await half.opened;
  rename.open();
  expect(await first).toMatchObject({ mirroredBy: 'copy' });
  expect(readFileSync(mirror, 'utf8')).toBe('words');
  copy.open();
  expect(await second).toMatchObject({ mirroredBy: 'copy' });
  expect(readFileSync(mirror, 'utf8')).toBe('words');
  expect(readdirSync(dirname(mirror))).toEqual(['corpus']);
});

it('a mirror that cannot be finished without a lock leaves nothing of itself [K18]', async () => {
  const { home, cache } = await readOnlyCache();
  const mirror = join(home, 'there/corpus');
  interceptPromise('rename', () => () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })));
  await expect(cache.fetch('corpus', refuses, { mirror })).rejects.toThrow(MirrorError);
  expect(readdirSync(dirname(mirror))).toEqual([]);
});

it('what a process leaves that is killed while it makes a mirror without a lock is removed a day later [K5, K18]', async () => {
  const { home, directory, cache } = await readOnlyCache();
  const mirror = join(home, 'corpus');
  const agent = await Agent.start({ home });
  const making = async ({ cache, fs, tell }: Remote, directory: string, mirror: string) => {
    fs.promises.rename = async () => {
      tell('made');
      await new Promise(() => {});
    };
    const refuses = () => Promise.reject(new Error('it was fetched'));
    await (await cache.openCache(directory)).fetch('corpus', refuses, { mirror, mirrorMode: 'copy' });
  };
  agent.run(making, directory, mirror).catch(() => {});
  await agent.heard('made');
  await agent.kill();
  const temporaries = () => readdirSync(home).filter((name) => TEMPORARY.test(name));
  expect(temporaries()).toHaveLength(1);
  await cache.fetch('corpus', refuses, { mirror });
  expect(temporaries()).toHaveLength(1); // for all that is known, it is still being written
  rmSync(mirror);
  const clock = vi.spyOn(WallClock, 'now').mockReturnValue(WallClock.now() + DAY + 60_000);
  onTestFinished(() => clock.mockRestore());
  await cache.fetch('corpus', refuses, { mirror });
  expect(temporaries()).toEqual([]);
  expect(readFileSync(mirror, 'utf8')).toBe('words');
});

it('a mirror whose content is pruned before it is made without a lock says so [K2, K18]', async () => {
  const { home, original, directory, cache } = await readOnlyCache();
  const mirror = (entry: EntryInfo) => {
    rmSync(join(original, relative(directory, entry.path)));
    return join(home, 'corpus');
  };
  const told = 'could not be made: the content was removed meanwhile. Fetch it again.';
  await expect(cache.fetch('corpus', refuses, { mirror })).rejects.toThrow(told);
  expect(existsSync(join(home, 'corpus'))).toBe(false);
});

it('a mirror under a lock that may let others in is made at a name of its own, as without one [G8, K4]', async () => {
  const { home, layout } = await newCache();
  const nameUnder = (lock: unknown) =>
    basename(temporaryOf(layout, lock as Lock | undefined, 'corpus', join(home, 'corpus')));
  const exact = { contract: 'kernel', degraded: [] };
  expect(nameUnder(exact)).toBe(nameUnder(exact));
  for (const lock of [undefined, { ...exact, contract: 'claim' }, { ...exact, degraded: ['any'] }]) {
    expect(nameUnder(lock)).toMatch(TEMPORARY);
    expect(nameUnder(lock)).not.toBe(nameUnder(lock));
  }
});

it.each<[string, (path: string) => void]>([
  ['a directory', (path) => mkdirSync(join(path, 'precious'), { recursive: true })],
  ['a pipe', (path) => void tool('mkfifo', [path])],
  [
    'a file that is mounted there',
    (path) => {
      const file = join(dirname(path), '../precious');
      writeFileSync(file, 'precious');
      bindMountFile(file, path);
    },
  ],
])(
  'a mirror is made where %s takes the path of its temporary file, and that stays [K20, K23]',
  async (_, take) => {
    const home = tempDirectory();
    const directory = join(home, 'cache');
    const cache = await openCache(directory);
    const [mirror, exact] = [join(home, 'there/corpus'), { contract: 'kernel', degraded: [] }];
    mkdirSync(dirname(mirror));
    const temporary = temporaryOf(new Layout(directory), exact as unknown as Lock, 'corpus', mirror);
    take(temporary);
    const before = lstatSync(temporary);
    const made = cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'copy' });
    expect(await made).toMatchObject({ mirroredBy: 'copy' });
    expect(readFileSync(mirror, 'utf8')).toBe('words');
    expect(lstatSync(temporary)).toEqual(before);
    expect(readdirSync(dirname(mirror)).sort()).toEqual([basename(temporary), 'corpus']);
  },
);
