import { chmodSync, closeSync, lstatSync, openSync, promises, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache, type Producer } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PartialFile } from '../../src/content/partial/partial-file.ts';
import { within } from '../support/deadline.ts';
import { tempDirectory } from '../support/temp.ts';

async function newCache() {
  const home = tempDirectory();
  return { home, mirror: join(home, 'corpus'), cache: await openCache(join(home, 'cache'), { graceMs: 0 }) };
}

const making =
  (text: string): Producer =>
  async ({ temp }) =>
    writeFileSync(temp, text);

/** Tells of each rename before it is made, and of each that was refused. */
function watchRenames(before: (to: string) => void, refused: () => void = () => {}): void {
  const { rename } = promises;
  onTestFinished(() => void Object.assign(promises, { rename }));
  promises.rename = (from, to) => {
    before(String(to));
    return rename(from, to).catch((error) => {
      refused();
      throw error;
    });
  };
}

const isWritable = (path: string) => (lstatSync(path).mode & 0o200) !== 0;

describe('a mirror on Windows', () => {
  it('that is a link, and so read-only, is made writable before it is replaced, which Windows refuses otherwise [G6, K20]', async () => {
    const { cache, mirror } = await newCache();
    await cache.fetch('corpus', making('old'), { mirror, mirrorMode: 'link' });
    expect(isWritable(mirror)).toBe(false);
    const seen: boolean[] = [];
    watchRenames((to) => to === mirror && seen.push(isWritable(mirror)));

    await cache.fetch('corpus', making('new'), { mirror, mirrorMode: 'link', policy: 'always' });

    expect(seen).toEqual([true]);
    expect(readFileSync(mirror, 'utf8')).toBe('new');
  });

  it('that is a copy can be written, and has the time of the content [G6]', async () => {
    const { cache, mirror } = await newCache();
    const { path } = await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'copy' });
    expect(isWritable(mirror)).toBe(true);
    expect(Math.round(lstatSync(mirror).mtimeMs * 1000)).toBe(Math.round(lstatSync(path).mtimeMs * 1000));
    expect(await cache.fetch('corpus', making('no'), { mirror, mirrorMode: 'copy' })).toMatchObject({
      mirroredBy: 'kept',
    });
  });

  it('that somebody reads is replaced once it is closed, and as a whole [G6, K1]', async () => {
    const { cache, mirror } = await newCache();
    await cache.fetch('corpus', making('old'), { mirror, mirrorMode: 'copy' });
    const reader = openSync(mirror, 'r');
    let times = 0;
    let again = () => {};
    const refused = new Promise<void>((resolve) => {
      again = () => ++times === 2 && resolve();
    });
    watchRenames(
      () => {},
      () => again(),
    );
    const refresh = cache.fetch('corpus', making('new'), { mirror, mirrorMode: 'copy', policy: 'always' });

    await within(refused, 'a rename is refused, tried again, and refused again');
    expect(readFileSync(mirror, 'utf8')).toBe('old');
    closeSync(reader);
    await refresh;

    expect(readFileSync(mirror, 'utf8')).toBe('new');
  });
});

describe('a content on Windows', () => {
  it('that somebody reads outlives its removal for who reads it, and is made anew [K2]', async () => {
    const { cache } = await newCache();
    await cache.fetch('corpus', making('words'));
    const handle = await cache.open('corpus');

    expect(await cache.prune({ maxBytes: 0 })).toMatchObject({ entries: 1, contents: 1 });

    expect(String(await handle?.readFile())).toBe('words');
    await handle?.close();
    expect(await cache.fetch('corpus', making('words'))).toMatchObject({ fromCache: false, size: 5 });
  });

  it('of a wrong length is replaced, although it is read-only [K22]', async () => {
    const { cache } = await newCache();
    const { path } = await cache.fetch('corpus', making('words'));
    chmodSync(path, 0o666);
    writeFileSync(path, 'longer words');
    chmodSync(path, 0o444);
    const seen: boolean[] = [];
    watchRenames((to) => to === path && seen.push(isWritable(path)));

    await cache.fetch('corpus', making('words'));

    expect(seen).toEqual([true]);
    expect(readFileSync(path, 'utf8')).toBe('words');
  });
});

it('a partial on Windows that was made read-only to be published is gone on with [K5]', async () => {
  const directory = join(tempDirectory(), 'partial');
  const first = await PartialFile.open(directory, { resume: false });
  await first.begin({ url: 'http://data.example', validators: {}, total: 5 });
  await first.write(Buffer.from('words'));
  await first.seal();
  await first.close();
  chmodSync(first.path, 0o444);

  const second = await PartialFile.open(directory, { resume: true });

  expect(second.offset).toBe(5);
  await second.close();
});
