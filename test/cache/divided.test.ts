import { mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { bindMount, mountTmpfs } from '../support/disk.ts';
import { needsRoot } from '../support/root.ts';
import { memoryDirectory } from '../support/temp.ts';

const PARTS: [string, (layout: Layout) => string][] = [
  ['the records', ({ entries }) => entries],
  ['what is unfinished', ({ partials }) => partials],
  ['all contents', ({ contents }) => contents],
  ['what is above them', ({ contents }) => dirname(contents)],
];

const problem = (directory: string, part: string) =>
  `The cache directory ${directory} has parts on several file systems or mounts, so nothing can be moved between them in one step: unmount ${part}, or use another one.`;

describe('a cache of which something else is mounted in the place of', () => {
  it.each(PARTS)(
    '%s, a file system, is refused before anything is produced [K3, R82]',
    async (_what, partOf) => {
      needsRoot();
      const cache = await openCache(`${memoryDirectory()}/cache`);
      const layout = new Layout(cache.directory);
      mountTmpfs(partOf(layout), 'size=1m');
      mkdirSync(layout.contents, { recursive: true });
      let produced = 0;
      const fetching = cache.fetch('k', async () => new Blob([`words ${produced++}`]).stream());
      const message = problem(cache.directory, partOf(layout));
      await expect(fetching).rejects.toMatchObject({ code: 'HOLDFAST_CACHE_DIRECTORY', message });
      expect(produced).toBe(0);
    },
  );

  it.each(PARTS)('%s, the same directory, is told by the same words [K3, R82]', async (_what, partOf) => {
    needsRoot();
    const cache = await openCache(`${memoryDirectory()}/cache`);
    const layout = new Layout(cache.directory);
    bindMount(partOf(layout), partOf(layout));
    const fetching = cache.fetch('k', async () => new Blob(['words']).stream());
    const message = problem(cache.directory, 'what is mounted in it');
    await expect(fetching).rejects.toMatchObject({ code: 'HOLDFAST_CACHE_DIRECTORY', message });
    expect(readdirSync(layout.entries)).toEqual([]);
  });
});
