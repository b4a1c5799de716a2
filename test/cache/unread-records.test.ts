import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CacheDirectoryError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { intercept, systemError } from '../engine/portable/intercept.ts';
import { making, newCache, put } from './support.ts';

it('a prune that cannot read a record says so, and ends no entry, which would make no room [K26, K33]', async () => {
  const { cache, layout } = await newCache({ graceMs: 0 });
  const { path } = await put(cache, 'corpus', 'words');
  await put(cache, 'other', 'other words');
  const record = layout.recordOf('other');
  writeFileSync(record, '{"format":2}');
  expect(await cache.prune({ maxBytes: 0 })).toMatchObject({
    entries: 0,
    contents: 0,
    failed: [{ path: record, reason: 'format 2', could: 'not be read' }],
  });
  expect(cache.peek('corpus')).toMatchObject({ path });
});

it('a torn record is put aside by a verify that repairs, and removed by delete and by prune [K22, K33]', async () => {
  const { cache, layout } = await newCache({ graceMs: 0 });
  const record = layout.recordOf('corpus');
  const ends: (() => Promise<unknown>)[] = [
    () => cache.verify({ repair: true }),
    () => cache.delete('corpus'),
    () => cache.prune(),
  ];
  for (const end of ends) {
    await put(cache, 'corpus', 'words');
    writeFileSync(record, '{"format":1,"key":"cor');
    await end();
    expect(existsSync(record)).toBe(false);
    expect(await cache.verify()).toMatchObject({ bad: [] });
  }
});

it('a record of a later version is left alone by a verify that repairs [K26]', async () => {
  const { cache, layout } = await newCache();
  await put(cache, 'corpus', 'words');
  writeFileSync(layout.recordOf('corpus'), '{"format":2}');
  expect(await cache.verify({ repair: true })).toMatchObject({ bad: [{ reason: 'no record' }], repaired: 0 });
  expect(existsSync(layout.recordOf('corpus'))).toBe(true);
});

describe('a directory of the cache that cannot be listed', () => {
  const close = (directory: string) =>
    intercept(
      'readdirSync',
      (original) =>
        Object.assign((...args: Parameters<typeof original>) => {
          if (args[0] === directory) throw systemError('EACCES');
          return original(...args);
        }, original) as typeof original,
    );

  it('is told by prune, which goes on with the rest [K26, K33]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const { path } = await put(cache, 'corpus', 'words');
    const other = await put(cache, 'other', 'other words');
    const closed = [dirname(path), layout.partials, layout.bad];
    for (const directory of closed) close(directory);
    expect(await cache.prune({ maxBytes: 0 })).toMatchObject({
      entries: 2,
      contents: 1,
      failed: closed.map((path) => ({ path, reason: 'EACCES', could: 'not be looked into' })),
    });
    expect([path, other.path].map((each) => existsSync(each))).toEqual([true, false]);
  });

  it('is an error that names it, where what lies in it is asked for [K26]', async () => {
    const { cache, layout } = await newCache();
    const { path } = await put(cache, 'corpus', 'words');
    const next = async () => void (await cache.entries().next());
    const asked = [
      [dirname(path), () => cache.statistics()],
      [layout.entries, () => cache.statistics()],
      [layout.entries, () => cache.verify()],
      [layout.entries, () => cache.prune()],
      [layout.entries, next],
    ] as const;
    for (const [directory, ask] of asked) {
      close(directory);
      const error = await ask().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CacheDirectoryError);
      expect(String(error)).toContain(`has a directory that cannot be read, ${directory}: EACCES. `);
    }
  });
});

it.each<[string, string]>([
  ['"produced":', '"yesterday"'],
  ['"checked":', '""'],
  ['"mtime":', '1e999'],
  ['"generation":', '9007199254740992'],
  ['"by":', '{"pid":"1"}'],
  ['"by":', '{"command":7}'],
  ['"by":', '[]'],
  ['"validators":', '{"etag":7}'],
  ['"validators":', '[]'],
  ['"retired":', `[{"content":"${'0'.repeat(64)}","at":"once"}]`],
  ['"digests":', '{"sha1":7}'],
])(
  'a record with %s%s is a damaged one: a miss, which heals, and is told by verify [K22]',
  async (name, value) => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    const path = layout.recordOf('corpus');
    const record = JSON.parse(readFileSync(path, 'utf8'));
    const field = JSON.parse(`{${name}0}`);
    const changed = { ...record, ...Object.fromEntries(Object.keys(field).map((each) => [each, 'changed'])) };
    const { sha256 } = record.digests;
    const text = value.replace('{"sha1"', `{"sha256":"${sha256}","sha1"`);
    writeFileSync(path, JSON.stringify(changed).replace(`${name}"changed"`, `${name}${text}`));
    expect(cache.peek('corpus')).toBeUndefined();
    expect(await cache.verify()).toMatchObject({ bad: [{ path, reason: 'no record' }] });
    expect(await cache.fetch('corpus', making('words'))).toMatchObject({ fromCache: false, generation: 1 });
    expect(await cache.verify()).toMatchObject({ bad: [] });
  },
);

it('a record of another size than the content it names is told by verify, and the other records of that are not [K22, K26]', async () => {
  const { cache, layout } = await newCache();
  for (const key of ['first', 'wrong', 'third']) await put(cache, key, 'words');
  const record = layout.recordOf('wrong');
  writeFileSync(record, readFileSync(record, 'utf8').replace('"size":5', '"size":6'));
  expect((await cache.verify({ parallel: 1 })).bad).toMatchObject([{ key: 'wrong', reason: 'changed' }]);
});

it('the count of generations begins again after the last one that is exact [K22]', async () => {
  const { cache, layout } = await newCache();
  await put(cache, 'corpus', 'words');
  const record = layout.recordOf('corpus');
  const last = `"generation":${Number.MAX_SAFE_INTEGER - 1}`;
  writeFileSync(record, readFileSync(record, 'utf8').replace('"generation":1', last));
  expect(await put(cache, 'corpus', 'other words')).toMatchObject({ generation: Number.MAX_SAFE_INTEGER });
  expect(cache.peek('corpus')).toBeDefined();
  expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 1 });
  expect(await cache.delete('corpus')).toBe(true);
  expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 3 });
});

it('a record that is away while it is read, as where a prune and a fetch meet, is not told as damaged [K2, K26]', async () => {
  const { cache, layout } = await newCache();
  await put(cache, 'corpus', 'words');
  const record = layout.recordOf('corpus');
  let times = 0;
  intercept('openSync', (original) => (path, ...rest) => {
    if (path !== record || ++times > 1) return original(path, ...rest);
    renameSync(record, `${record}.away`);
    try {
      return original(path, ...rest);
    } finally {
      renameSync(`${record}.away`, record);
    }
  });
  expect(await cache.verify({ repair: true })).toMatchObject({ bad: [], repaired: 0 });
  expect(cache.peek('corpus')).toBeDefined();
});
