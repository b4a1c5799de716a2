import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CorruptEntryError, NotCachedError } from 'holdfast';
import type { Policy } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { making, newCache, put, refuses } from './support.ts';

/** What can become of a content or a record. */
const DAMAGE: Record<string, (path: string) => void> = {
  removed: (path) => rmSync(path),
  emptied: (path) => truncateSync(path, 0),
  truncated: (path) => truncateSync(path, 3),
  lengthened: (path) => writeFileSync(path, 'x'.repeat(9000)),
  'flipped in a bit': (path) => {
    const bytes = readFileSync(path);
    bytes[2] = (bytes[2] as number) ^ 1;
    writeFileSync(path, bytes);
  },
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(join(path, 'sub'), { recursive: true });
  },
  'a link': (path) => {
    renameSync(path, `${path}.real`);
    symlinkSync(`${path}.real`, path);
  },
  'a link to nowhere': (path) => {
    rmSync(path);
    symlinkSync('/nonexistent', path);
  },
};
const POLICIES: Policy[] = ['never', 'if-missing', 'always', { maxAge: 60_000 }];
const CASES = Object.keys(DAMAGE).flatMap((damage) => POLICIES.map((policy) => [damage, policy] as const));

describe.each(['content', 'record'] as const)('a %s', (what) => {
  it.each(CASES)('that is %s heals under %o, and is never served [K22]', async (damage, policy) => {
    const { cache, layout } = await newCache();
    const entry = await put(cache, 'corpus', 'words');
    DAMAGE[damage]?.(what === 'content' ? entry.path : layout.recordOf('corpus'));
    if (policy === 'never') {
      const error: unknown = await cache
        .fetch('corpus', making('words'), { policy })
        .catch((reason) => reason);
      expect(error instanceof NotCachedError || error instanceof CorruptEntryError).toBe(true);
      await cache.fetch('corpus', making('words'));
    } else {
      const healed = await cache.fetch('corpus', making('words'), { policy });
      expect(healed).toMatchObject({ path: entry.path, fromCache: false });
    }
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
    expect((await cache.fetch('corpus', making('other'))).fromCache).toBe(true);
  });
});

it.each([
  ['of its shard', (path: string) => dirname(path)],
  ['of what is put aside', (path: string) => join(path, '../../../bad')],
])('a content is published though a file or a link is in the place %s [K22, K23]', async (_, placeOf) => {
  for (const put of [(path: string) => writeFileSync(path, ''), (path: string) => symlinkSync(path, path)]) {
    const { cache } = await newCache();
    const { path } = await cache.fetch('corpus', making('words'));
    writeFileSync(path, 'wrong');
    rmSync(placeOf(path), { recursive: true, force: true });
    put(placeOf(path));
    const entry = await cache.fetch('corpus', making('words'));
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
    expect(await cache.statistics()).toMatchObject({ entries: { count: 1 } });
    expect(await cache.prune()).toMatchObject({ entries: 0 });
  }
});

it('a record whose digests are of another content is none, and a full look believes none of them [K22]', async () => {
  const { cache, layout } = await newCache();
  const integrity = `sha512-${createHash('sha512').update('words').digest('base64')}`;
  await cache.fetch('corpus', making('words'), { integrity });
  const path = layout.recordOf('corpus');
  const record = JSON.parse(readFileSync(path, 'utf8'));
  const other = createHash('sha512').update('other').digest('hex');
  writeFileSync(path, JSON.stringify({ ...record, digests: { ...record.digests, sha512: other } }));
  expect(await cache.fetch('corpus', refuses, { integrity, verify: 'full' })).toMatchObject({ size: 5 });
  writeFileSync(path, JSON.stringify({ ...record, digests: { sha256: '0'.repeat(64) } }));
  expect(cache.peek('corpus')).toBeUndefined();
});

it('a directory in the place of a failure keeps no fetch from its success [K22]', async () => {
  const { cache, layout } = await newCache();
  mkdirSync(join(layout.failureOf('corpus'), 'sub'), { recursive: true });
  expect(await put(cache, 'corpus', 'words')).toMatchObject({ size: 5 });
});

it('the whole cache, removed while it is open, is not made again for others to read, and else is, with its locks [K19, K22, G13]', async () => {
  const { cache, directory } = await newCache();
  await put(cache, 'corpus', 'words');
  rmSync(directory, { recursive: true });
  await expect(put(cache, 'corpus', 'words')).rejects.toThrow('open it again');
  expect(existsSync(directory)).toBe(false);
  mkdirSync(directory, { mode: 0o700 });
  expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 1 });
});

it('a record of another key, or with fields of a later version, is not taken, and is kept, in this order [K22, K26]', async () => {
  const { cache, layout } = await newCache();
  await put(cache, 'a', 'words');
  const text = readFileSync(layout.recordOf('a'), 'utf8');
  writeFileSync(layout.recordOf('b'), text);
  expect(cache.peek('b')).toBeUndefined();
  writeFileSync(layout.recordOf('a'), JSON.stringify({ ...JSON.parse(text), later: { than: 'now' } }));
  expect(cache.peek('a')).toMatchObject({ size: 5 });
});

it('what is changed is put aside for a person to look at, and removed by a prune after the time of grace [K22]', async () => {
  const { cache, directory, layout } = await newCache({ graceMs: 0 });
  const { path } = await put(cache, 'corpus', 'words');
  DAMAGE['flipped in a bit']?.(path);
  await put(cache, 'corpus', 'other');
  expect(readdirSync(join(directory, 'content/bad'))).toHaveLength(1);
  expect((await cache.statistics()).bad.count).toBe(1);
  utimesSync(layout.recordOf('corpus'), 1, 1);
  await cache.prune();
  expect(readdirSync(join(directory, 'content/bad'))).toEqual([]);
});

describe('a content with other bytes, and its time put back,', () => {
  const changed = async () => {
    const { cache, layout } = await newCache();
    const { path, integrity } = await put(cache, 'corpus', 'words');
    const { atime, mtimeMs } = statSync(path);
    chmodSync(path, 0o644);
    writeFileSync(path, 'other');
    utimesSync(path, atime, mtimeMs / 1000);
    chmodSync(path, 0o444);
    expect(readFileSync(path, 'utf8')).toBe('other');
    return { cache, layout, integrity };
  };

  it.each(['corpus', 'another key'])(
    'is replaced by the right bytes that a fetch of %s has made [K21, K22]',
    async (key) => {
      const { cache, integrity } = await changed();
      await cache.delete('corpus');
      const { path } = await cache.fetch(key, making('words'), { integrity, verify: 'full' });
      expect(readFileSync(path, 'utf8')).toBe('words');
      expect(await cache.fetch(key, refuses, { verify: 'full' })).toMatchObject({ fromCache: true });
    },
  );

  it('is replaced by a refresh under the same key [K21, K22]', async () => {
    const { cache } = await changed();
    const { path } = await put(cache, 'corpus', 'words');
    expect(readFileSync(path, 'utf8')).toBe('words');
  });
});

it('a content that is right is kept by a fetch that makes the same bytes, with the mirrors that are links to it [K3, K21]', async () => {
  const { cache, home } = await newCache();
  const mirror = join(home, 'mirror');
  const { path } = await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'link' });
  const before = statSync(path).ino;
  await put(cache, 'corpus', 'words');
  await put(cache, 'other', 'words');
  expect([statSync(path).ino, statSync(mirror).ino]).toEqual([before, before]);
  expect(await cache.fetch('corpus', refuses, { mirror, mirrorMode: 'link' })).toMatchObject({
    mirroredBy: 'kept',
  });
});
