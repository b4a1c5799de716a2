import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { type Cache, openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { Child, fixture } from '../support/child.ts';
import { StoppedClock } from '../support/clock.ts';
import { gate } from '../support/deadline.ts';
import { memoryDirectory, tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';
import { until } from '../support/until.ts';
import { newCache, put, refuses } from './support.ts';

/** Milliseconds. */
const HOUR = 3_600_000;

const FAKE = { LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };

/** A process whose wall clock is off. */
function withClock(home: string, offset: string): Promise<Agent> {
  return Agent.start({ home, env: { ...FAKE, FAKETIME: offset } });
}

const serving = async ({ cache, fs }: Remote, directory: string) => {
  const opened = await cache.openCache(directory);
  const refuses = () => Promise.reject(new Error('it was fetched'));
  const { path, fromCache } = await opened.fetch('corpus', refuses);
  return { fromCache, text: fs.readFileSync(path, 'utf8') };
};

const pruning = async ({ cache }: Remote, directory: string) => {
  const { entries } = await (await cache.openCache(directory)).prune({ maxBytes: 0 });
  return entries;
};

describe.each(['+1d', '-1d'])('a process whose clock is off by %s', (offset) => {
  it('serves what others made, and others what it used and made; nobody prunes what was just used there [K25]', async () => {
    const home = tempDirectory();
    const directory = join(home, 'cache');
    const cache = await openCache(directory);
    await put(cache, 'corpus', 'words');
    const agent = await withClock(home, offset);
    const off = await agent.run(() => Date.now());
    expect(Math.round((off - Date.now()) / 24 / HOUR)).toBe(offset === '+1d' ? 1 : -1); // it is off
    expect(await agent.run(serving, directory)).toEqual({ fromCache: true, text: 'words' });
    expect(await agent.run(pruning, directory)).toBe(0);
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ fromCache: true });
    if (offset === '+1d') expect((await cache.prune({ maxBytes: 0 })).entries).toBe(0);
    const next = await agent.run(async ({ cache, fs }: Remote, directory: string) => {
      const opened = await cache.openCache(directory);
      const make = async ({ temp }: { temp: string }) => fs.writeFileSync(temp, 'other words');
      return (await opened.fetch('corpus', make, { policy: 'always' })).generation;
    }, directory);
    expect(next).toBe(2);
    const { path } = await cache.fetch('corpus', refuses);
    expect(readFileSync(path, 'utf8')).toBe('other words');
  });
});

it.each(['+1d', '-1d'])(
  'a wall clock that jumps by %s leaves the wait for another fetch its minute, on the monotonic clock [G9, G10]',
  async (jump) => {
    const home = memoryDirectory();
    const cache = await openCache(join(home, 'cache'));
    const wall = join(home, 'clock');
    writeFileSync(wall, '+0');
    const waiter = await Agent.start({
      home,
      env: { ...FAKE, FAKETIME_TIMESTAMP_FILE: wall, FAKETIME_NO_CACHE: '1' },
    });
    const [started, rest] = [gate(), gate()];
    const own = cache.fetch('corpus', async ({ temp }) => {
      started.open();
      await rest.opened;
      writeFileSync(temp, 'words');
    });
    await started.opened;
    const waiting = waiter.run(async ({ cache, values }, directory) => {
      const opened = await cache.openCache(directory);
      const error = await opened.fetch('corpus', async () => {}).catch((reason) => reason);
      values.isOver = true;
      return { code: error.code, waited: error.waited };
    }, cache.directory);
    const locks = new LockManager();
    const target = new Layout(cache.directory).lockOf('corpus');
    await until(() => locks.inspect(target).waiters.length === 1, 'it waits');
    const before = await waiter.run(() => Date.now());

    writeFileSync(wall, jump);

    const days = ((await waiter.run(() => Date.now())) - before) / 24 / HOUR;
    expect(Math.round(days)).toBe(Number.parseInt(jump, 10)); // it did jump
    await waiter.elapse(59_000);
    expect(await waiter.run(({ values }) => values.isOver === true)).toBe(false);
    await waiter.elapse(60_000);
    const { code, waited } = await waiting;
    expect(code).toBe('HOLDFAST_TIMEOUT');
    expect(waited).toBeGreaterThanOrEqual(60_000);
    rest.open();
    await own;
  },
);

it('a lock that was given back without an event is found after pollInterval, and not before [G10]', async () => {
  const interval = HOUR / 4; // far more than the machine can hold this test up
  const { cache, layout } = await newCache({ pollInterval: interval, timeout: HOUR });
  await put(cache, 'corpus', 'words');
  const locks = new LockManager();
  const target = layout.lockOf('corpus');
  const holder = new Child('python3', [
    fixture('hold-flock.py'),
    locks.pathOf(target),
    'exclusive',
    '--unlock',
  ]);
  await holder.line('held');
  const fetched = put(cache, 'corpus', 'other words');
  await until(() => locks.inspect(target).waiters.length === 1, 'it waits');
  const clock = new StoppedClock();
  await clock.elapse(interval / 2); // it looks a few times before it sleeps for so long
  holder.say('');
  await holder.line('released');

  await clock.elapse(interval / 2);
  expect(locks.inspect(target)).toMatchObject({ holders: [], waiters: [expect.anything()] });
  await clock.elapse(interval);

  expect(await fetched).toMatchObject({ size: 11 });
});

describe('an entry whose content has another time', () => {
  /** The record has the time of the content: the next look needs no hash. */
  const isRenewed = (cache: Cache) => {
    const layout = new Layout(cache.directory);
    const record = JSON.parse(readFileSync(layout.recordOf('corpus'), 'utf8')) as { mtime: number };
    return record.mtime === statSync(cache.peek('corpus')?.path as string).mtimeMs;
  };

  it.each(['-r', '-a'])(
    'as in a copy by cp %s is served after one hash at most, and not fetched [K25]',
    async (option) => {
      const home = tempDirectory();
      const original = await openCache(join(home, 'cache'));
      await put(original, 'corpus', 'words');
      tool('cp', [option, join(home, 'cache'), join(home, 'copy')]);
      const copy = await openCache(join(home, 'copy'));
      expect(isRenewed(copy)).toBe(option === '-a');
      const entry = await copy.fetch('corpus', refuses);
      expect(entry).toMatchObject({ fromCache: true, generation: 1 });
      expect(readFileSync(entry.path, 'utf8')).toBe('words');
      expect(isRenewed(copy)).toBe(true);
      expect((await copy.verify()).bad).toEqual([]);
    },
  );

  it('also in the future, is served after one hash, and not fetched [K25]', async () => {
    const home = tempDirectory();
    const cache = await openCache(join(home, 'cache'));
    const { path } = await put(cache, 'corpus', 'words');
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(path, tomorrow, tomorrow);
    utimesSync(new Layout(cache.directory).recordOf('corpus'), tomorrow, tomorrow);
    expect(isRenewed(cache)).toBe(false);
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ fromCache: true, generation: 1 });
    expect(isRenewed(cache)).toBe(true);
  });
});
