import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Child, fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { interceptPromise, making, newCache } from './support.ts';

it('bytes are on the disk before their name, the record before its own, and both names before fetch returns [G4, K6]', async () => {
  const home = tempDirectory();
  const [directory, mirror] = [join(home, 'cache'), join(home, 'mirrors/corpus')];
  await (await openCache(directory)).fetch('corpus', making('the old text'));
  const trace = join(home, 'trace');
  const options = ['-f', '-y', '-o', trace, '-e', 'trace=fsync,fdatasync,rename,renameat,renameat2'];
  const program = [process.execPath, fixture('cache-victim.mjs'), 'stream', directory, mirror];
  const child = new Child('strace', [...options, ...program], { env: { UV_THREADPOOL_SIZE: '1' } });
  await child.line('ready');
  child.say('');
  await child.line('done');
  await child.exits();
  const steps = readFileSync(trace, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, synced] = /f(?:data)?sync\(\d+<([^>]+)>/.exec(line) ?? [];
      const [, from, to] =
        /rename\w*\((?:AT_FDCWD\S* )?"([^"]+)", (?:AT_FDCWD\S* )?"([^"]+)"/.exec(line) ?? [];
      const short = (path: string) =>
        path
          .replace(`${home}/`, '')
          .replace(/corpus~[0-9a-f]{20}/, 'KEY')
          .replace(/sha256\/[0-9a-f]{2}/, 'sha256/AA')
          .replace(/[0-9a-f]{62}/, 'DIGEST')
          .replace(/\.holdfast-[0-9a-f]{20}\.mirror/, 'TEMP');
      if (synced !== undefined) return [`sync ${short(synced)}`];
      return from === undefined || to === undefined ? [] : [`${short(from)} → ${short(to)}`];
    })
    .filter((step) => !step.includes('locks/'));
  const at = (step: string) => {
    expect(steps).toContain(step);
    return steps.indexOf(step);
  };
  const shown = at('cache/partial/KEY/data → cache/content/sha256/AA/DIGEST');
  const committed = at('cache/partial/KEY/record → cache/entries/KEY.json');
  const mirrored = at('mirrors/TEMP → mirrors/corpus');
  expect(at('sync cache/partial/KEY/data')).toBeLessThan(shown);
  expect(shown).toBeLessThan(committed);
  expect(at('sync cache/partial/KEY/record')).toBeLessThan(committed);
  for (const names of ['cache/entries', 'cache/content/sha256/AA', 'cache/content/sha256']) {
    expect(at(`sync ${names}`)).toBeGreaterThan(committed);
    expect(at(`sync ${names}`)).toBeLessThan(mirrored);
  }
  expect(at('sync mirrors/TEMP')).toBeLessThan(mirrored);
  expect(at('sync mirrors')).toBeGreaterThan(mirrored);
});

describe('the sync of the names, which comes after an entry is published,', () => {
  it('outlasts a want of descriptors [K6]', async () => {
    const { cache, home, layout } = await newCache();
    const mirror = join(home, 'mirrors/corpus');
    const refused = new Set<unknown>();
    interceptPromise('open', (open) => (path, ...rest) => {
      const isToBeSynced = path === layout.entries || path === dirname(mirror);
      if (!isToBeSynced || refused.has(path)) return open(path, ...rest);
      refused.add(path);
      return Promise.reject(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
    });
    expect(await cache.fetch('corpus', making('words'), { mirror })).toMatchObject({ size: 5, mirror });
    expect([...refused]).toEqual([layout.entries, dirname(mirror)]);
  });

  it('says when it failed that the entry is there, and may be lost [K6]', async () => {
    const { cache, layout } = await newCache();
    interceptPromise('open', (open) => (path, ...rest) => {
      if (path !== layout.entries) return open(path, ...rest);
      return Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
    });
    await expect(cache.fetch('corpus', making('words'))).rejects.toThrow(
      `has the entry, which a power loss may undo: ${layout.entries} was not synced (EIO). Fetch it again`,
    );
    expect(cache.peek('corpus')).toMatchObject({ size: 5 });
  });
});
