import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { onLockEvent } from 'holdfast';
import type { Producer } from 'holdfast/cache';
import { openCache } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate } from '../support/deadline.ts';
import { age, DAY, keysOf, making, newCache, put, refuses } from './support.ts';

describe('prune', () => {
  it('removes what was not used for so long, with its content, and says how much that was [K33]', async () => {
    const { cache, layout } = await newCache();
    const old = await put(cache, 'old', 'old words');
    await put(cache, 'new', 'words');
    age(layout, 'old', 10 * DAY, old.path);
    expect(await cache.prune({ maxAge: 5 * DAY, dryRun: true })).toMatchObject({ entries: 1, bytes: 9 });
    expect(await keysOf(cache)).toEqual(['new', 'old']);
    expect(await cache.prune({ maxAge: 5 * DAY })).toEqual({
      entries: 1,
      contents: 1,
      partials: 0,
      leftovers: 0,
      bytes: 9,
      failed: [],
    });
    expect(await keysOf(cache)).toEqual(['new']);
    expect(existsSync(old.path)).toBe(false);
  });

  it('removes what was used longest ago until it is small enough, and counts a shared content once [K33]', async () => {
    const { cache, layout } = await newCache({ maxBytes: 12 });
    for (const [at, key] of ['a', 'b', 'c', 'd'].entries()) {
      const { path } = await put(cache, key, key === 'd' ? 'text a' : `text ${key}`);
      age(layout, key, (10 - at) * DAY, path);
    }
    expect(await cache.prune()).toMatchObject({ entries: 2, contents: 1 });
    expect(await keysOf(cache)).toEqual(['c', 'd']);
    expect(await cache.fetch('d', refuses)).toMatchObject({ size: 6 });
  });

  it('leaves alone what was used within the time of grace, however much there is', async () => {
    const { cache } = await newCache();
    const { path } = await put(cache, 'corpus', 'words');
    expect(await cache.prune({ maxBytes: 0, maxAge: 0 })).toMatchObject({ entries: 0, contents: 0 });
    expect(readFileSync(path, 'utf8')).toBe('words');
  });

  it('keeps a content that was replaced for the time of grace, from then on, and not from its birth', async () => {
    const { cache, layout, directory } = await newCache();
    const old = await put(cache, 'corpus', 'old');
    age(layout, 'corpus', 30 * DAY, old.path);
    await put(cache, 'corpus', 'new');
    await cache.prune();
    expect(readFileSync(old.path, 'utf8')).toBe('old');
    const eager = await openCache(directory, { graceMs: 0 });
    await eager.prune();
    expect(existsSync(old.path)).toBe(false);
  });

  it('keeps it for a grace of a week as well, however long ago within that it was replaced [K2]', async () => {
    const { cache, layout } = await newCache({ graceMs: 7 * DAY });
    const old = await put(cache, 'corpus', 'old');
    age(layout, 'corpus', 30 * DAY, old.path);
    await put(cache, 'corpus', 'new');
    const record = JSON.parse(readFileSync(layout.recordOf('corpus'), 'utf8'));
    record.retired[0].at = new Date(Date.now() - 2 * DAY).toISOString();
    writeFileSync(layout.recordOf('corpus'), JSON.stringify(record));
    await put(cache, 'corpus', 'newer');
    await cache.prune();
    expect(readFileSync(old.path, 'utf8')).toBe('old');
    await cache.delete('corpus');
    await cache.prune();
    expect(readFileSync(old.path, 'utf8')).toBe('old');
  });

  it('keeps it however often it was replaced within the grace; without one, the last sixteen are remembered [K2]', async () => {
    const { cache, directory, layout } = await newCache();
    const old = await put(cache, 'corpus', 'old');
    age(layout, 'corpus', 30 * DAY, old.path);
    for (let version = 0; version < 20; version++) await put(cache, 'corpus', `version ${version}`);
    await cache.prune();
    expect(readFileSync(old.path, 'utf8')).toBe('old');
    const { retired } = JSON.parse(readFileSync(layout.recordOf('corpus'), 'utf8'));
    expect(retired).toHaveLength(20);
    await put(await openCache(directory, { graceMs: 0 }), 'corpus', 'last');
    const { retired: rest } = JSON.parse(readFileSync(layout.recordOf('corpus'), 'utf8'));
    expect(rest).toEqual([...retired.slice(-15), expect.anything()]);
  });

  it('remembers each replaced content once, and not the one that came back [K2]', async () => {
    const { cache, layout } = await newCache();
    for (const text of ['one', 'two', 'one', 'two', 'three', 'one']) await put(cache, 'corpus', text);
    const { retired } = JSON.parse(readFileSync(layout.recordOf('corpus'), 'utf8'));
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(retired).toMatchObject([{ content: digest('two') }, { content: digest('three') }]);
  });

  it('leaves alone what is in use, and what is being fetched [K2]', async () => {
    const { cache, layout, directory } = await newCache({ graceMs: 0 });
    const { opened, open } = gate();
    const used = gate();
    const using = cache.use('used', making('words'), {}, async ({ path }) => {
      used.open();
      await opened;
      return readFileSync(path, 'utf8');
    });
    await used.opened;
    await put(cache, 'fetched', 'old');
    const fetching = gate();
    const refresh = cache.fetch(
      'fetched',
      async ({ temp }) => {
        fetching.open();
        await opened;
        writeFileSync(temp, 'new');
      },
      { policy: 'always' },
    );
    await fetching.opened;
    for (const key of ['used', 'fetched']) age(layout, key, DAY);
    const other = await openCache(directory, { graceMs: 0 });
    expect(await other.prune({ maxBytes: 0, maxAge: 0 })).toMatchObject({
      entries: 0,
      contents: 0,
      partials: 0,
    });
    open();
    expect(await using).toBe('words');
    expect(await refresh).toMatchObject({ generation: 2 });
    await other.prune({ maxBytes: 0 });
    expect(await keysOf(cache)).toEqual([]);
  });

  it('within a body that uses a content, or a producer, takes it for in use; uses may lie within each other [K2]', async () => {
    const { cache } = await newCache({ graceMs: 0 });
    const pruneAll = () => cache.prune({ maxBytes: 0 });
    const text = await cache.use('one', making('words'), {}, () =>
      cache.use('other', making('words'), {}, async ({ path }) => {
        await cache.delete('one');
        await put(cache, 'other', 'other words');
        expect(await pruneAll()).toMatchObject({ entries: 1, contents: 1 });
        return readFileSync(path, 'utf8');
      }),
    );
    expect(text).toBe('words');
    await put(cache, 'old', 'old');
    const pruning: Producer = async ({ temp }) => {
      await pruneAll();
      writeFileSync(temp, 'new');
    };
    expect(await cache.fetch('old', pruning, { policy: 'always' })).toMatchObject({ generation: 2 });
  });

  it('removes what crashes have left: contents without a record, old partials, old marks; statistics count them [K33]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const content = layout.contentOf('ab'.repeat(32));
    mkdirSync(join(content, '..'), { recursive: true });
    writeFileSync(content, 'orphan');
    const partial = layout.partialOf('corpus');
    mkdirSync(partial);
    writeFileSync(join(partial, 'data'), 'half');
    mkdirSync(`${partial}.0123456789abcdef`);
    writeFileSync(join(`${partial}.0123456789abcdef`, 'temp'), '');
    writeFileSync(layout.failureOf('corpus'), '{}');
    expect(await cache.statistics()).toMatchObject({
      orphans: { count: 1, bytes: 6 },
      partials: { count: 2, bytes: 4 },
    });
    await cache.prune();
    expect(existsSync(partial)).toBe(true);
    const old = (Date.now() - 8 * DAY) / 1000;
    for (const each of [
      join(partial, 'data'),
      partial,
      join(`${partial}.0123456789abcdef`, 'temp'),
      `${partial}.0123456789abcdef`,
      layout.failureOf('corpus'),
    ]) {
      utimesSync(each, old, old);
    }
    expect(await cache.prune()).toMatchObject({ partials: 3 });
    expect(readdirSync(layout.partials)).toEqual([]);
    expect(existsSync(content)).toBe(false);
  });

  it('counts each leftover, however small: what was put aside, what killed processes were writing, damaged records [K33]', async () => {
    const { cache, layout, directory } = await newCache({ graceMs: 0 });
    await put(cache, 'corpus', 'words');
    const aside = `${'ab'.repeat(32)}-01234567`;
    const left = join(directory, '.holdfast-12-0123456789abcdef.tmp');
    mkdirSync(layout.bad, { recursive: true });
    writeFileSync(join(layout.bad, aside), '');
    writeFileSync(left, '');
    writeFileSync(layout.recordOf('torn'), '');
    expect(await cache.prune({ dryRun: true })).toMatchObject({ entries: 0, leftovers: 2, bytes: 0 });
    age(layout, 'torn', DAY, left);
    expect(await cache.prune({ dryRun: true })).toMatchObject({ entries: 0, leftovers: 3, bytes: 0 });
    expect(await cache.prune()).toMatchObject({ entries: 0, leftovers: 3, bytes: 0, failed: [] });
    expect(await cache.prune()).toMatchObject({ leftovers: 0 });
    expect(readdirSync(layout.bad)).toEqual([]);
    expect(await keysOf(cache)).toEqual(['corpus']);
  });

  it('removes the empty directory of a publisher that died at once, as whoever fetches that key in its lock [K5, K33]', async () => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    const left = layout.partialOf('corpus');
    mkdirSync(left);
    expect(await cache.prune()).toMatchObject({ partials: 1, entries: 0 });
    expect(existsSync(left)).toBe(false);
    mkdirSync(left);
    writeFileSync(join(left, 'state.json'), '{}');
    await cache.fetch('corpus', refuses, { verify: 'full' });
    expect(existsSync(left)).toBe(false);
  });

  it('keeps every content while there is a record that only a later version can read [K26]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const { path } = await put(cache, 'corpus', 'words');
    const record = JSON.parse(readFileSync(layout.recordOf('corpus'), 'utf8'));
    writeFileSync(layout.recordOf('corpus'), JSON.stringify({ ...record, format: 2 }));
    expect(await cache.prune({ maxBytes: 0 })).toMatchObject({ entries: 0, contents: 0 });
    expect(existsSync(path)).toBe(true);
    expect(existsSync(layout.recordOf('corpus'))).toBe(true);
  });

  it.each([
    [{ maxBytes: 'all' }, 'maxBytes must be a whole number of bytes, got "all"'],
    [{ maxAge: -1 }, 'maxAge must be a number of milliseconds, 0 or more, got -1'],
    [{ dryrun: true }, 'did you mean dryRun?'],
  ])('refuses %o before it removes anything', async (options, says) => {
    const { cache } = await newCache({ graceMs: 0 });
    await put(cache, 'corpus', 'words');
    await expect(cache.prune(options as object)).rejects.toThrow(says);
    expect(await keysOf(cache)).toEqual(['corpus']);
  });

  it('takes a last use in the future for now [K25]', async () => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    age(layout, 'corpus', -10 * DAY);
    expect(await cache.prune({ maxAge: DAY, maxBytes: 0 })).toMatchObject({ entries: 0 });
    await cache.fetch('corpus', refuses);
    expect(statSync(layout.recordOf('corpus')).mtimeMs).toBeLessThan(Date.now() + 1000);
  });

  it('counts a use that was served as a use, to within ten minutes [K25]', async () => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    age(layout, 'corpus', 10 * DAY);
    await cache.fetch('corpus', refuses);
    expect(Date.now() - statSync(layout.recordOf('corpus')).mtimeMs).toBeLessThan(DAY);
  });
});

describe('an entry', () => {
  it('that is deleted is a miss; its content stays for whoever has its path, and the next one is of a later generation', async () => {
    const { cache, layout } = await newCache();
    const { path } = await put(cache, 'corpus', 'words');
    expect(await cache.delete('corpus')).toBe(true);
    expect(await cache.delete('corpus')).toBe(false);
    expect(cache.peek('corpus')).toBeUndefined();
    expect(await cache.open('corpus')).toBeUndefined();
    expect(await keysOf(cache)).toEqual([]);
    await cache.prune();
    expect(readFileSync(path, 'utf8')).toBe('words');
    expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 3 });
    expect(existsSync(layout.partialOf('corpus'))).toBe(false);
  });

  it('that is open outlives its removal', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    await put(cache, 'corpus', 'words');
    const file = await cache.open('corpus');
    age(layout, 'corpus', DAY);
    await cache.prune({ maxBytes: 0 });
    expect(await file?.readFile('utf8')).toBe('words');
    await file?.close();
  });
});

it('verify finds what is missing or changed, changes nothing, and repairs where it is asked to', async () => {
  const { cache } = await newCache();
  const [good, bad, gone] = await Promise.all(['good', 'bad', 'gone'].map((key) => put(cache, key, key)));
  utimesSync(good?.path as string, 1, 1);
  chmodSync(bad?.path as string, 0o644);
  writeFileSync(bad?.path as string, 'BAD');
  rmSync(gone?.path as string);
  const found = await cache.verify({ parallel: 2 });
  expect(found).toMatchObject({ checked: 3, repaired: 0 });
  expect(found.bad.map(({ key, reason }) => `${key} ${reason}`).sort()).toEqual([
    'bad changed',
    'gone missing',
  ]);
  expect((await cache.verify()).bad).toHaveLength(2);
  expect(await cache.verify({ repair: true })).toMatchObject({ repaired: 2 });
  expect(await cache.verify()).toMatchObject({ checked: 1, bad: [] });
  expect(await put(cache, 'bad', 'bad')).toMatchObject({ size: 3 });
});

it('verify puts nothing aside that somebody has made anew while it waited for that [K2]', async () => {
  const { cache } = await newCache();
  rmSync((await put(cache, 'corpus', 'old')).path);
  const { opened, open } = gate();
  const begun = gate();
  const made = cache.fetch('corpus', async ({ temp }) => {
    begun.open();
    await opened;
    writeFileSync(temp, 'new');
  });
  await begun.opened;
  const waiting = new Promise<void>((resolve) => onTestFinished(onLockEvent('waiting', () => resolve())));
  const verified = cache.verify({ repair: true });
  await waiting;
  open();
  await made;
  expect(await verified).toMatchObject({ repaired: 0 });
  expect(cache.peek('corpus')).toMatchObject({ size: 3 });
});
