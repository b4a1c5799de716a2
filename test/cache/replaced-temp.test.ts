import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LockManager } from 'holdfast';
import { expect, it, onTestFinished } from 'vitest';
import { lstatOrNothing } from '../../src/storage/fs/stat.ts';
import { until } from '../support/until.ts';
import { interceptPromise, making, newCache } from './support.ts';

const REFUSED = {
  code: 'HOLDFAST_PRODUCER',
  message: 'The producer of corpus still writes to its temp although it has returned. Nothing was published.',
};

async function prepared() {
  const { cache, layout, home } = await newCache();
  const temp = join(layout.partialOf('corpus'), 'temp');
  const replace = (path: string, text: string) => {
    writeFileSync(join(home, 'other'), text, { mode: 0o444 });
    renameSync(join(home, 'other'), path);
  };
  const contents = () =>
    readdirSync(layout.contents, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  return { cache, layout, temp, replace, contents };
}

/** A fetch that is hashed, and waits for a prune before its last step. */
async function hashed() {
  const all = await prepared();
  const { cache, layout, temp } = all;
  const sweeping = new LockManager({ directory: layout.locks });
  onTestFinished(() => sweeping.close());
  const prune = await sweeping.acquire(layout.storeLock);
  const fetching = cache.fetch('corpus', making('words'));
  fetching.catch(() => {});
  await until(() => ((lstatOrNothing(temp)?.mode ?? 0) & 0o777) === 0o444, 'the content has its mode');
  return { ...all, prune, fetching };
}

it('a producer that replaces its temp when it is hashed and not published yet is an error [K28]', async () => {
  const { cache, layout, temp, replace, prune, fetching } = await hashed();
  const content = layout.contentOf(createHash('sha256').update('words').digest('hex'));
  mkdirSync(dirname(content), { recursive: true });
  writeFileSync(content, 'wrong');
  replace(temp, 'other');
  await prune.release();
  await expect(fetching).rejects.toMatchObject(REFUSED);
  expect([readFileSync(content, 'utf8'), cache.peek('corpus')]).toEqual(['wrong', undefined]);
  expect(existsSync(layout.bad)).toBe(false);
});

it('who lost the lock of its key while it waited for a prune does not publish what another makes [K28, H7]', async () => {
  const { layout, temp, replace, contents, prune, fetching } = await hashed();
  for (const name of readdirSync(layout.locks).filter((each) => each.includes('corpus'))) {
    rmSync(join(layout.locks, name), { recursive: true });
  }
  replace(temp, 'of the next holder');
  await prune.release();
  await expect(fetching).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  expect([contents(), readFileSync(temp, 'utf8')]).toEqual([[], 'of the next holder']);
});

it('a producer that replaces its temp in the moment of the rename has nothing published [K28]', async () => {
  const { cache, temp, replace, contents } = await prepared();
  interceptPromise('rename', (original) => (from, to) => {
    if (from === temp) replace(temp, 'other');
    return original(from, to);
  });
  await expect(cache.fetch('corpus', making('words'))).rejects.toMatchObject(REFUSED);
  expect([contents(), cache.peek('corpus')]).toEqual([[], undefined]);
});

it('another file under the name of the content is as good where it has the right bytes [K28]', async () => {
  const { cache, temp, replace } = await prepared();
  interceptPromise('rename', (original) => async (from, to) => {
    await original(from, to);
    if (from === temp) replace(to as string, 'words'); // as another key's publish of the same bytes does
  });
  const { path } = await cache.fetch('corpus', making('words'));
  expect(readFileSync(path, 'utf8')).toBe('words');
});
