import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import type { Layout } from '../../src/cache/layout.ts';
import { needsRoot } from '../support/root.ts';
import { memoryDirectory, tempDirectory } from '../support/temp.ts';
import { making, newCache, put, refuses } from './support.ts';

const ANN = 65_534;
const LONG_AGO = new Date('2020-01-01');

/** A directory of somebody's, with files that are old enough for every prune. */
function precious(names: readonly string[] = ['notes.txt', 'dir/file']) {
  const directory = tempDirectory();
  for (const name of names) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'precious');
    utimesSync(path, LONG_AGO, LONG_AGO);
  }
  const isUntouched = () =>
    readdirSync(directory, { recursive: true }).length === new Set(names.flatMap(above)).size &&
    names.every((name) => readFileSync(join(directory, name), 'utf8') === 'precious');
  return { directory, isUntouched };
}

const above = (name: string): string[] => (name === '.' ? [] : [name, ...above(dirname(name))]);

async function filledCache() {
  const made = await newCache({ graceMs: 0 });
  await put(made.cache, 'corpus', 'words');
  return made;
}

describe('a link in the place of a directory of the cache', () => {
  it.each<[string, (layout: Layout) => string]>([
    ['the records', ({ entries }) => entries],
    ['what is unfinished', ({ partials }) => partials],
    ['the locks', ({ locks }) => locks],
    ['all contents', ({ contents }) => contents],
    ['what is above them', ({ contents }) => dirname(contents)],
  ])('for %s is refused by whatever would change something there, and named [K23]', async (_what, partOf) => {
    const { cache, layout } = await filledCache();
    const part = partOf(layout);
    const { directory, isUntouched } = precious(['0'.repeat(62), 'x~0123456789abcdef0123.json', 'a/b']);
    rmSync(part, { recursive: true, force: true });
    symlinkSync(directory, part);
    const told = { code: 'HOLDFAST_CACHE_DIRECTORY', message: expect.stringContaining(`remove ${part}`) };

    await expect(cache.prune()).rejects.toMatchObject(told);
    await expect(cache.delete('corpus')).rejects.toMatchObject(told);
    await expect(cache.fetch('other', making('other'))).rejects.toMatchObject(told);
    expect(isUntouched()).toBe(true);
  });

  it('for what was put aside leads a prune nowhere, and goes when something is put aside [K22, K23]', async () => {
    const { cache, layout } = await filledCache();
    const { directory, isUntouched } = precious([`0-${'0'.repeat(8)}`, 'notes.txt']);
    symlinkSync(directory, layout.bad);

    const { failed } = await cache.prune({ maxAge: 0 });
    expect(failed.map(({ could }) => could)).toEqual(['not be removed']);
    writeFileSync(layout.recordOf('torn'), 'torn');
    await cache.verify({ repair: true });
    expect(readdirSync(layout.bad)).toHaveLength(1);
    expect(isUntouched()).toBe(true);
  });

  it.each(['zz', '00'])('for some contents (%s) leads a prune nowhere [K23]', async (shard) => {
    const { cache, layout } = await filledCache();
    const { directory, isUntouched } = precious(['0'.repeat(62), 'notes.txt']);
    symlinkSync(directory, join(layout.contents, shard));

    await cache.prune();
    expect(isUntouched()).toBe(true);
  });

  it('for one fetch is removed, and what it leads to is not [K23]', async () => {
    const { cache, layout } = await filledCache();
    const { directory, isUntouched } = precious();
    symlinkSync(directory, layout.partialOf('other'));
    utimesSync(directory, LONG_AGO, LONG_AGO);

    await cache.prune({ maxAge: 0 });
    expect(isUntouched()).toBe(true);
    symlinkSync(directory, layout.partialOf('third'));
    await put(cache, 'third', 'words of the third');
    expect(isUntouched()).toBe(true);
  });
});

it('what somebody keeps in directories of these names is not taken for the cache’s, and stays [K23]', async () => {
  const { directory, isUntouched } = precious([
    'entries/2024-blog.json',
    'entries/x.json',
    'partial/header.hbs',
    'content/sha256/old/notes.md',
    'content/sha256/ab/notes.md',
    'content/bad/apples',
  ]);
  const kept = ['entries/x.json', 'partial/header.hbs', 'content/sha256/ab/notes.md', 'content/bad/apples'];
  expect(isUntouched()).toBe(true);
  const cache = await openCache(directory, { graceMs: 0 });
  await put(cache, 'corpus', 'words');
  expect(existsSync(join(directory, 'CACHEDIR.TAG'))).toBe(false); // or backups would skip what is theirs

  const { failed } = await cache.prune({ maxAge: 0 });
  expect(failed).toEqual([]);
  for (const name of kept) expect(existsSync(join(directory, name))).toBe(true);
  expect((await cache.verify({ repair: true })).bad).toEqual([]);
});

it('a file of another user is no mirror, whatever its size and time [K12]', async () => {
  needsRoot();
  const { cache } = await filledCache();
  const shared = memoryDirectory();
  chmodSync(shared, 0o1777);
  const [first, second] = [join(shared, 'first'), join(shared, 'second')];
  const { mirroredBy } = await cache.fetch('corpus', refuses, { mirror: first });
  expect(mirroredBy).not.toBe('kept');
  const own = await cache.fetch('corpus', refuses, { mirror: first });
  expect(own.mirroredBy).toBe('kept');
  const { atimeMs, mtimeMs } = statSync(own.path);
  writeFileSync(second, 'WORDS');
  utimesSync(second, atimeMs / 1000, mtimeMs / 1000);
  const planted = await cache.fetch('corpus', refuses, { mirror: second });
  expect(planted.mirroredBy).toBe('kept'); // as long as it is this user's
  chownSync(second, ANN, ANN);

  const { mirroredBy: by } = await cache.fetch('corpus', refuses, { mirror: second });
  expect(by).not.toBe('kept');
  expect(readFileSync(second, 'utf8')).toBe('words');
});
