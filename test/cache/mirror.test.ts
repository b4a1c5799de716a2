import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MirrorError, onLockEvent } from 'holdfast';
import { type EntryInfo, openCache } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate } from '../support/deadline.ts';
import { interceptPromise, Making, making, newCache, put, refuses } from './support.ts';

describe('a mirror', () => {
  it('is made with its directory, kept when it is right, and replaced when the entry is another [G5, G6]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'deep/er/corpus');
    expect(await cache.fetch('corpus', making('old'), { mirror })).toMatchObject({
      mirror,
      mirroredBy: 'link',
    });
    const { ino } = statSync(mirror);
    expect(await cache.fetch('corpus', refuses, { mirror })).toMatchObject({ mirroredBy: 'kept' });
    expect(statSync(mirror).ino).toBe(ino);
    await cache.fetch('corpus', making('new'), { mirror, policy: 'always' });
    expect(readFileSync(mirror, 'utf8')).toBe('new');
    expect(readdirSync(join(mirror, '..'))).toEqual(['corpus']);
  });

  it('goes to a path that follows from the entry, in the one hold of the lock in which it was fetched [G5]', async () => {
    const { cache, home } = await newCache();
    const grants: string[] = [];
    onTestFinished(onLockEvent('granted', ({ path }) => void grants.push(path)));
    const lock = cache.flight('corpus').lock;
    const seen: number[] = [];
    const mirror = (entry: EntryInfo) => {
      seen.push(cache.flight('corpus').holders.length);
      return join(home, `words of ${entry.size} bytes`);
    };
    const { mirror: path } = await cache.fetch('corpus', making('words'), { mirror });
    expect(path).toBe(join(home, 'words of 5 bytes'));
    expect(readFileSync(join(home, 'words of 5 bytes'), 'utf8')).toBe('words');
    expect([seen, grants.filter((each) => each === lock).length]).toEqual([[1], 1]);
    expect(await cache.fetch('corpus', refuses, { mirror })).toMatchObject({ mirroredBy: 'kept' });
    const nowhere = cache.fetch('corpus', refuses, { mirror: () => '' });
    await expect(nowhere).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
  });

  it('keeps its source though others delete, refresh and prune between the fetch and the mirror [K1, K2]', async () => {
    const { cache, home, directory } = await newCache({ graceMs: 0 });
    const other = await openCache(directory, { graceMs: 0 });
    const [fetched, others] = [gate(), gate()];
    const mirror = async () => {
      fetched.open();
      await others.opened;
      return join(home, 'corpus');
    };
    const call = cache.fetch('corpus', making('words'), { mirror });
    await fetched.opened;
    const deleted = other.delete('corpus');
    const refreshed = put(other, 'corpus', 'new words');
    expect(await other.prune({ maxBytes: 0 })).toMatchObject({ entries: 0, contents: 0 });
    others.open();
    await call;
    expect(readFileSync(join(home, 'corpus'), 'utf8')).toBe('words');
    expect([await deleted, (await refreshed).size]).toEqual([true, 9]);
  });

  it('is made again by a hit when somebody has removed it [G5]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    await cache.fetch('corpus', making('words'), { mirror });
    rmSync(mirror);
    expect(await cache.fetch('corpus', refuses, { mirror })).toMatchObject({
      fromCache: true,
      mirroredBy: 'link',
    });
    expect(readFileSync(mirror, 'utf8')).toBe('words');
  });

  it('by copy is a file of its own, with the mode of a new file; by link it is the content, read-only [G6]', async () => {
    const { cache, home } = await newCache();
    const [copied, linked] = [join(home, 'copied'), join(home, 'linked')];
    const entry = await cache.fetch('corpus', making('words'), { mirror: copied, mirrorMode: 'copy' });
    expect(entry.mirroredBy).toBe('copy');
    expect(statSync(copied).mode & 0o777).toBe(0o666 & ~process.umask());
    expect(statSync(copied).ino).not.toBe(statSync(entry.path).ino);
    await cache.fetch('corpus', refuses, { mirror: linked, mirrorMode: 'link' });
    expect(statSync(linked).ino).toBe(statSync(entry.path).ino);
    expect(await cache.fetch('corpus', refuses, { mirror: copied, mirrorMode: 'copy' })).toMatchObject({
      mirroredBy: 'kept',
    });
  });

  it('by copy tells two entries of one size apart that were published in the same instant [G6]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    for (const text of ['aaaa', 'bbbb', 'cccc', 'dddd']) {
      await cache.fetch('corpus', making(text), { mirror, mirrorMode: 'copy', policy: 'always' });
      expect(readFileSync(mirror, 'utf8')).toBe(text);
    }
  });

  it('of no bytes is never a link, which all empty files would share [K20]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'empty');
    const options = { size: 0, mirror, mirrorMode: 'link' } as const;
    expect(await cache.fetch('empty', making(''), options)).toMatchObject({ mirroredBy: 'copy' });
  });

  it.each(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'ENOSYS', 'EAGAIN'])(
    'falls through to a copy when a link answers %s [K20]',
    async (code) => {
      const { cache, home } = await newCache();
      interceptPromise('link', () => () => Promise.reject(Object.assign(new Error(code), { code })));
      const mirror = join(home, 'corpus');
      expect(await cache.fetch('corpus', making('words'), { mirror })).toMatchObject({ mirroredBy: 'copy' });
    },
  );

  it('and a publish outlast an error of rename that passes [G7]', async () => {
    const { cache, home } = await newCache();
    const seen = new Set<string>();
    interceptPromise('rename', (original) => (from, to) => {
      if (seen.has(String(to))) return original(from, to);
      seen.add(String(to));
      return Promise.reject(Object.assign(new Error('EBUSY'), { code: 'EBUSY' }));
    });
    const mirror = join(home, 'corpus');
    expect(await cache.fetch('corpus', making('words'), { mirror })).toMatchObject({ mirroredBy: 'link' });
    expect(seen.size).toBe(3);
  });

  it.each([
    ['below a file', (home: string) => join(home, 'file', 'deep', 'corpus')],
    ['by too long a name', (home: string) => join(home, 'n'.repeat(300))],
  ])('%s is an error of the mirror, and the entry is there [G5, K20]', async (_, targetIn) => {
    const { cache, home } = await newCache();
    writeFileSync(join(home, 'file'), '');
    const error: unknown = await cache
      .fetch('corpus', making('words'), { mirror: targetIn(home) })
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(MirrorError);
    expect(cache.peek('corpus')).toMatchObject({ size: 5 });
  });

  it('that cannot be made for another reason is an error, and the entry is there [K20]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    mkdirSync(mirror);
    await expect(cache.fetch('corpus', making('words'), { mirror })).rejects.toThrow(MirrorError);
    expect(cache.peek('corpus')?.size).toBe(5);
  });

  it('replaces a link that was planted in its place, and writes to nothing behind it [K23]', async () => {
    const { cache, home } = await newCache();
    const [victim, mirror] = [join(home, 'victim'), join(home, 'corpus')];
    writeFileSync(victim, 'precious');
    for (const mirrorMode of ['link', 'copy'] as const) {
      rmSync(mirror, { force: true });
      symlinkSync(victim, mirror);
      await cache.fetch('corpus', making('words'), { mirror, mirrorMode });
      expect(lstatSync(mirror).isSymbolicLink()).toBe(false);
      expect(readFileSync(mirror, 'utf8')).toBe('words');
      expect(readFileSync(victim, 'utf8')).toBe('precious');
    }
  });

  it('replaces what a process that died has left at its temporary name, links too [K5, K23]', async () => {
    const { cache, home } = await newCache();
    const [victim, mirror] = [join(home, 'victim'), join(home, 'here/corpus')];
    writeFileSync(victim, 'precious');
    let temporary = '';
    interceptPromise('rename', (original) => (from, to) => {
      if (to === mirror) temporary = String(from);
      return original(from, to);
    });
    await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'copy' });
    rmSync(mirror);
    symlinkSync(victim, temporary);
    await cache.fetch('corpus', refuses, { mirror, mirrorMode: 'copy' });
    expect(readdirSync(join(home, 'here'))).toEqual(['corpus']);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

describe('a mirror that is changed', () => {
  const changes: Record<string, (path: string) => void> = {
    'edited in place': (path) => writeFileSync(path, 'wrong'),
    'edited to another length': (path) => writeFileSync(path, 'longer than before'),
    truncated: (path) => truncateSync(path, 1),
    touched: (path) => utimesSync(path, 1, 1),
  };

  it.each(Object.entries(changes))(
    'by link and %s is found out, and the entry is right again [G6, K21]',
    async (_, change) => {
      const { cache, home } = await newCache();
      const mirror = join(home, 'corpus');
      await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'link' });
      chmodSync(mirror, 0o644);
      change(mirror);
      const entry = await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'link' });
      expect(readFileSync(entry.path, 'utf8')).toBe('words');
      expect(readFileSync(mirror, 'utf8')).toBe('words');
    },
  );

  it.each(Object.entries(changes))(
    'by copy and %s is replaced, and the entry was never touched [G6, K21]',
    async (_, change) => {
      const { cache, home } = await newCache();
      const mirror = join(home, 'corpus');
      await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'copy' });
      change(mirror);
      await cache.fetch('corpus', refuses, { mirror, mirrorMode: 'copy' });
      expect(readFileSync(mirror, 'utf8')).toBe('words');
    },
  );

  it('by link and only touched costs one hash, and nothing is fetched [K21, K25]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    const { generation } = await cache.fetch('corpus', making('words'), { mirror });
    utimesSync(mirror, 1, 1);
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ fromCache: true, generation });
  });

  it('by link and made unreadable is readable again [K21]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    const { path } = await cache.fetch('corpus', making('words'), { mirror });
    chmodSync(mirror, 0);
    await cache.fetch('corpus', refuses);
    expect(statSync(path).mode & 0o777).toBe(0o444);
  });

  it('by link, with its time restored, is found by a full look or by verify [K21]', async () => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    await cache.fetch('corpus', making('words'), { mirror });
    const { atimeMs, mtimeMs } = statSync(mirror);
    chmodSync(mirror, 0o644);
    writeFileSync(mirror, 'wrong');
    utimesSync(mirror, atimeMs / 1000, mtimeMs / 1000);
    expect((await cache.verify()).bad).toMatchObject([{ key: 'corpus', reason: 'changed' }]);
    const made = new Making('words');
    const entry = await cache.fetch('corpus', made.producer, { verify: 'full' });
    expect(made.count).toBe(1);
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });
});

it('a content that two keys share is one file, and mirrors of both are links to it [G6]', async () => {
  const { cache, home } = await newCache();
  const [a, b] = [await put(cache, 'a', 'words'), await put(cache, 'b', 'words')];
  expect(a.path).toBe(b.path);
  await cache.fetch('a', refuses, { mirror: join(home, 'a') });
  await cache.fetch('b', refuses, { mirror: join(home, 'b') });
  expect(statSync(a.path).nlink).toBe(3);
  expect(existsSync(join(home, 'b'))).toBe(true);
  linkSync(a.path, join(home, 'own'));
  expect(statSync(join(home, 'own')).nlink).toBe(4);
});

it('a mirror below what is no directory is refused with what is to be moved away [K23]', async () => {
  const { cache, home } = await newCache();
  writeFileSync(join(home, 'file'), '');
  await expect(cache.fetch('corpus', making('words'), { mirror: join(home, 'file/corpus') })).rejects.toThrow(
    `Move ${join(home, 'file')} away: a directory has to be there`,
  );
});
