import { chmodSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { intercept, meant, systemError } from '../engine/portable/intercept.ts';
import { mountTmpfs } from '../support/disk.ts';
import { memoryDirectory } from '../support/temp.ts';
import { age, DAY, keysOf, making, newCache, put, refuses } from './support.ts';

// What a prune and a verify do where the disk, or another process, lets them down.

it('counts no room for a content that is missing [K33]', async () => {
  const { cache, layout } = await newCache({ graceMs: 0 });
  for (const key of ['first', 'second', 'third']) {
    const { path } = await put(cache, key, `the words of ${key}`);
    age(layout, key, DAY);
    if (key === 'third') rmSync(path);
  }
  expect(await cache.prune({ maxBytes: 40 })).toMatchObject({ entries: 0, contents: 0 });
  expect((await keysOf(cache)).length).toBe(3);
});

it('counts what a content takes, and not what its record tells of it [K33]', async () => {
  const { cache, layout } = await newCache({ graceMs: 0 });
  for (const key of ['first', 'second']) {
    const { path } = await put(cache, key, `the words of ${key}`);
    age(layout, key, DAY);
    if (key === 'first') chmodSync(path, 0o644);
    if (key === 'first') writeFileSync(path, '');
  }
  expect(await cache.prune({ maxBytes: 30 })).toMatchObject({ entries: 0 });
});

it('an entry whose directory this user may not enter is told, and not forgotten by a verify that repairs [K18, K26]', async () => {
  const { cache } = await newCache();
  const { path } = await put(cache, 'corpus', 'words');
  intercept(
    'lstatSync',
    (original) =>
      Object.assign((...args: Parameters<typeof original>) => {
        if (args[0] === path) throw systemError('EACCES');
        return original(...args);
      }, original) as typeof original,
  );
  expect(await cache.verify({ repair: true })).toMatchObject({
    bad: [{ reason: 'unreadable' }],
    repaired: 0,
  });
});

it('goes on without a pin where the disk has no room for one, and removes what nobody uses [K17, K33]', async () => {
  const home = memoryDirectory();
  mountTmpfs(home, 'size=1m,nr_inodes=60');
  const cache = await openCache(join(home, 'cache'), { graceMs: 0 });
  const layout = new Layout(join(home, 'cache'));
  for (const key of ['first', 'second'])
    age(layout, key, DAY, (await put(cache, key, `words of ${key}`)).path);
  for (let each = 0; isMade(join(home, `${each}`)); each++);
  expect(await cache.prune({ maxBytes: 0 })).toMatchObject({ entries: 2, contents: 2, failed: [] });
});

function isMade(path: string): boolean {
  try {
    writeFileSync(path, '');
    return true;
  } catch {
    return false;
  }
}

describe('an entry that is used while it is pruned', () => {
  /** Runs something right before a record is removed. */
  const beforeRemoval = (record: string, run: () => void) =>
    intercept('unlinkSync', (original) => (path) => {
      if (meant(path) === record) run();
      original(path);
    });

  it('stays, with its content, where the use was noted before its record was removed [K33]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const { path } = await put(cache, 'corpus', 'words');
    age(layout, 'corpus', DAY, path);
    const record = layout.recordOf('corpus');
    const now = Date.now() / 1000 + 1;
    beforeRemoval(record, () => utimesSync(record, now, now));
    expect(await cache.prune({ maxAge: DAY / 2 })).toMatchObject({ entries: 0, contents: 0, failed: [] });
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ path, generation: 1 });
    expect(readFileSync(path, 'utf8')).toBe('words');
  });

  it('is made anew where its record was removed before the use was noted [K33]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const { path } = await put(cache, 'corpus', 'words');
    age(layout, 'corpus', DAY);
    const record = layout.recordOf('corpus');
    let isPruned = false;
    intercept('futimesSync', (original) => (fd, ...times) => {
      if (!isPruned) for (const each of [path, record]) rmSync(each);
      isPruned = true;
      original(fd, ...times);
    });
    const again = await cache.fetch('corpus', making('words'));
    expect(readFileSync(again.path, 'utf8')).toBe('words');
  });

  it('is served from the record that took the place of the one whose use was to be noted [K33]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    await put(cache, 'corpus', 'words');
    age(layout, 'corpus', DAY);
    const record = layout.recordOf('corpus');
    let isReplaced = false;
    intercept('futimesSync', (original) => (fd, ...times) => {
      if (!isReplaced) {
        writeFileSync(
          `${record}.new`,
          readFileSync(record, 'utf8').replace('"generation":1', '"generation":7'),
        );
        renameSync(`${record}.new`, record);
      }
      isReplaced = true;
      original(fd, ...times);
    });
    expect(cache.peek('corpus')).toMatchObject({ generation: 7 });
  });

  it('is only looked at by a dry run, however it is used meanwhile [K33]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const { path } = await put(cache, 'corpus', 'words');
    age(layout, 'corpus', DAY, path);
    const { ino } = statSync(layout.recordOf('corpus'));
    expect(await cache.prune({ maxAge: DAY / 2, dryRun: true })).toMatchObject({ entries: 1 });
    expect(statSync(layout.recordOf('corpus')).ino).toBe(ino);
  });
});
