import { chmodSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NOT_MODIFIED } from 'holdfast/cache';
import { expect, it } from 'vitest';
import { newCache, put } from './support.ts';

function edit(path: string, text: string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, text);
}

it('peek names no content that was changed since, and one whose time alone is another [K22]', async () => {
  const { cache } = await newCache();
  const { path } = await put(cache, 'corpus', 'words');
  utimesSync(path, 1, 1);
  expect(cache.peek('corpus')).toMatchObject({ path });
  edit(path, 'other');
  expect(cache.peek('corpus')).toBeUndefined();
});

it('a content that is changed while its source says that it is current is made anew, and not mirrored [K21, K22]', async () => {
  const { cache, home } = await newCache();
  const { path } = await put(cache, 'corpus', 'words');
  const mirror = join(home, 'mirror');
  const asked: boolean[] = [];
  const entry = await cache.fetch(
    'corpus',
    async ({ temp, previous }) => {
      asked.push(previous !== undefined);
      if (previous === undefined) return writeFileSync(temp, 'words');
      edit(path, 'other');
      return NOT_MODIFIED;
    },
    { policy: 'always', mirror },
  );
  expect(asked).toEqual([true, false]);
  expect(readFileSync(entry.path, 'utf8')).toBe('words');
  expect(readFileSync(mirror, 'utf8')).toBe('words');
});

it('a content that is changed while a refresh fails is not served as stale [K21, K22]', async () => {
  const { cache } = await newCache();
  const { path } = await put(cache, 'corpus', 'words');
  const failing = async () => {
    edit(path, 'other');
    throw new Error('the source is down');
  };
  const fetched = cache.fetch('corpus', failing, { policy: 'always', staleIfError: true });
  await expect(fetched).rejects.toThrow('the source is down');
});
