import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { onCacheEvent } from 'holdfast';
import { openCache } from 'holdfast/cache';
import { expect, it, onTestFinished } from 'vitest';
import { mountTmpfs } from '../support/disk.ts';
import { memoryDirectory } from '../support/temp.ts';
import { interceptPromise, Making, making, newCache, put, refuses } from './support.ts';

/** Two keys of one content, which somebody has changed. */
async function damagedTwice() {
  const made = await newCache();
  const { path } = await put(made.cache, 'corpus', 'words');
  await put(made.cache, 'copy', 'words');
  chmodSync(path, 0o644);
  writeFileSync(path, 'WORDS');
  return { ...made, path };
}

/** Runs something once, when a file was opened to be hashed and before it is. */
function onceOpened(path: string, then: () => Promise<unknown>): void {
  let isDone = false;
  interceptPromise('open', (original) => async (...args) => {
    const file = await original(...args);
    if (args[0] !== path || isDone) return file;
    isDone = true;
    await then();
    return file;
  });
}

it('a content that was healed for another key while it was hashed is served, and not put aside [K2, K22]', async () => {
  const { cache, layout, path } = await damagedTwice();
  onceOpened(path, () => put(cache, 'copy', 'words'));
  expect(await cache.fetch('corpus', refuses)).toMatchObject({ path });
  expect(readFileSync(path, 'utf8')).toBe('words');
  expect(readdirSync(layout.bad)).toHaveLength(1);
});

it('a content that was put aside for another key while it was hashed is made anew [K2, K22]', async () => {
  const { cache, path } = await damagedTwice();
  onceOpened(path, () => cache.fetch('copy', async () => Promise.reject(new Error('no'))).catch(() => {}));
  const made = new Making('words');
  expect(await cache.fetch('corpus', made.producer)).toMatchObject({ path });
  expect(made.count).toBe(1);
});

it('a content that was healed for another key while it was repaired stays [K2, K26]', async () => {
  const { cache, layout, path } = await damagedTwice();
  const keys: string[] = [];
  for await (const { key } of cache.entries()) keys.push(key);
  onceOpened(path, async () => onceOpened(path, () => put(cache, keys[1] ?? '', 'words'))); // to look, then to repair
  expect(await cache.verify({ repair: true, parallel: 1 })).toMatchObject({ repaired: 0 });
  expect([cache.peek('corpus'), cache.peek('copy')]).toMatchObject([{ path }, { path }]);
  expect(readFileSync(path, 'utf8')).toBe('words');
  expect(readdirSync(layout.bad)).toHaveLength(1);
});

it('what hears that a content was healed may prune, for nothing is locked any more for the repair [K2, K33]', async () => {
  const { cache } = await damagedTwice();
  const pruned: Promise<unknown>[] = [];
  const stop = onCacheEvent('healed', () => void pruned.push(cache.prune()));
  onTestFinished(stop);
  await put(cache, 'corpus', 'words');
  expect(pruned).toHaveLength(1);
  await expect(Promise.all(pruned)).resolves.toMatchObject([{ failed: [] }]);
});

it('a mirror that is a link, and was edited, keeps its mode when its content is put aside [K21, K22]', async () => {
  const { cache, home } = await newCache();
  const mirror = join(home, 'corpus');
  await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'link' });
  chmodSync(mirror, 0o640);
  writeFileSync(mirror, 'WORDS');
  await cache.fetch('corpus', making('words'));
  expect(statSync(mirror).mode & 0o777).toBe(0o640);
  expect(readFileSync(mirror, 'utf8')).toBe('WORDS');
});

it('a content that was touched is served from a full disk, which has no room to note that it is right [K17, K22]', async () => {
  const home = memoryDirectory();
  mountTmpfs(home, 'size=1m,nr_inodes=60');
  const cache = await openCache(join(home, 'cache'));
  const { path } = await put(cache, 'corpus', 'words');
  utimesSync(path, 1, 1);
  const isMade = (each: string) => {
    try {
      writeFileSync(join(home, each), '');
      return true;
    } catch {
      return false;
    }
  };
  for (let each = 0; isMade(`${each}`); each++);
  expect(await cache.fetch('corpus', refuses, { policy: 'never' })).toMatchObject({ path });
});

it('a link in the place of a directory of contents has nothing changed beyond it [H18, K23]', async () => {
  const { cache, home, path } = await damagedTwice();
  const elsewhere = join(home, 'elsewhere');
  renameSync(dirname(path), elsewhere);
  symlinkSync(elsewhere, dirname(path));
  const victim = join(elsewhere, basename(path));
  chmodSync(victim, 0o600);
  const fetched = await cache.fetch('corpus', making('words'));
  expect(readFileSync(fetched.path, 'utf8')).toBe('words');
  expect(readFileSync(victim, 'utf8')).toBe('WORDS');
  expect(statSync(victim).mode & 0o777).toBe(0o600);
});
