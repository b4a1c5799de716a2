import { existsSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newCache, put } from './support.ts';

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
