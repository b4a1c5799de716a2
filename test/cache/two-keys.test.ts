import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { interceptPromise, Making, newCache, put, refuses } from './support.ts';

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
  const making = new Making('words');
  expect(await cache.fetch('corpus', making.producer)).toMatchObject({ path });
  expect(making.count).toBe(1);
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
