import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache, type Producer } from 'holdfast/cache';
import { expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { fill, smallDisk } from '../support/disk.ts';
import { put } from './support.ts';

it('bytes whose record finds no room on the disk leave nothing, neither as a content nor unfinished [K17, K28]', async () => {
  const { disk } = smallDisk('size=2m');
  const cache = await openCache(join(disk, 'cache'));
  const { contents, partials } = new Layout(cache.directory);
  const filling: Producer = async ({ temp }) => {
    writeFileSync(temp, 'x'.repeat(500_000));
    fill(disk);
  };

  const fetch = cache.fetch('corpus', filling);

  await expect(fetch).rejects.toMatchObject({ code: 'HOLDFAST_NO_SPACE' });
  const unfinished = readdirSync(partials).filter((name) => !name.endsWith('.failed'));
  expect([readdirSync(contents), unfinished]).toEqual([[], []]);
  rmSync(join(disk, 'filler'));
  expect(await put(cache, 'corpus', 'words')).toMatchObject({ size: 5, generation: 1 });
});
