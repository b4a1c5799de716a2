import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Producer } from 'holdfast/cache';
import { openCache } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { fill, mountTmpfs, smallDisk } from '../support/disk.ts';
import { memoryDirectory, tempDirectory } from '../support/temp.ts';
import { makeDevice, makeFifo, tool } from '../support/tool.ts';
import { fetchText } from './remote.ts';
import { making, newCache, put, refuses } from './support.ts';

const USER = 64_001;

function allIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
}

describe('what stands in the place of', () => {
  const things: Record<string, (path: string) => void> = { 'a FIFO': makeFifo, 'a device': makeDevice };

  it.each(Object.keys(things))(
    'a content or a record, %s, is never waited for, and heals [K22]',
    async (thing) => {
      for (const what of ['content', 'record'] as const) {
        const { cache, layout } = await newCache();
        const { path } = await put(cache, 'corpus', 'words');
        const place = what === 'content' ? path : layout.recordOf('corpus');
        rmSync(place);
        things[thing]?.(place);
        expect(cache.peek('corpus')).toBeUndefined();
        await cache.fetch('corpus', making('words'));
        expect(readFileSync(path, 'utf8')).toBe('words');
      }
    },
  );

  it.each(Object.keys(things))('a mirror, %s, is left alone, and said [K23]', async (thing) => {
    const { cache, home } = await newCache();
    const mirror = join(home, 'corpus');
    things[thing]?.(mirror);
    await expect(cache.fetch('corpus', making('words'), { mirror })).rejects.toThrow('no file at all');
  });

  it('a mirror, a link to a descriptor or into /dev, is left alone, whatever stands behind it [K23]', async () => {
    const { cache, home } = await newCache();
    const [file, mirror] = [join(home, 'output'), join(home, 'corpus')];
    const fd = openSync(file, 'w');
    onTestFinished(() => closeSync(fd));
    symlinkSync(`/proc/self/fd/${fd}`, join(home, 'stdout'));
    symlinkSync('/proc/self/fd', join(home, 'fd'));
    const nothing = `/dev/holdfast-${process.pid}`;
    onTestFinished(() => rmSync(nothing, { force: true }));
    for (const target of [`/proc/self/fd/${fd}`, 'stdout', `fd/${fd}`, nothing]) {
      symlinkSync(target, mirror);
      await expect(cache.fetch('corpus', making('words'), { mirror })).rejects.toThrow('a name in /dev');
      expect(readlinkSync(mirror)).toBe(target);
      rmSync(mirror);
    }
    await expect(cache.fetch('corpus', making('words'), { mirror: nothing })).rejects.toThrow(
      'choose another',
    );
    expect(existsSync(nothing)).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  it('the partial of a fetch, a link, is replaced, and nothing behind it is written [K23]', async () => {
    const { cache, home, layout } = await newCache();
    const victim = join(home, 'victim');
    const stream: Producer = async () =>
      (async function* () {
        yield Buffer.from('words');
      })();
    for (const name of ['data', 'record', 'temp', 'failed', 'state.json']) {
      writeFileSync(victim, 'precious');
      mkdirSync(layout.partialOf('corpus'), { recursive: true });
      symlinkSync(victim, join(layout.partialOf('corpus'), name));
      await cache.fetch('corpus', name === 'temp' ? making('words') : stream, { policy: 'always' });
      expect(readFileSync(victim, 'utf8'), name).toBe('precious');
      expect(existsSync(layout.partialOf('corpus')), name).toBe(false);
    }
  });

  it('the directory of a fetch, a link to elsewhere, does not lead there [K23]', async () => {
    const { cache, home, layout } = await newCache();
    mkdirSync(join(home, 'elsewhere'));
    writeFileSync(join(home, 'elsewhere/precious'), 'precious');
    symlinkSync(join(home, 'elsewhere'), layout.partialOf('corpus'));
    await put(cache, 'corpus', 'words');
    expect(readdirSync(join(home, 'elsewhere'))).toEqual(['precious']);
  });

  it('a record or a content, another user’s in a private cache, is not served [K19, K22]', async () => {
    for (const what of ['content', 'record'] as const) {
      const { directory } = await newCache();
      tool('chown', ['-R', `${USER}:${USER}`, directory]);
      const [cache, layout] = [await openCache(directory), new Layout(directory)];
      const owner = await Agent.start({ home: directory, through: asUser(USER) });
      chmodSync(join(directory, '..'), 0o755);
      await owner.run(fetchText, directory, 'corpus');
      const path = what === 'content' ? (cache.peek('corpus')?.path as string) : layout.recordOf('corpus');
      chownSync(path, 64_007, 64_007);
      expect(cache.peek('corpus')).toBeUndefined();
      expect(await owner.run(fetchText, directory, 'corpus')).toMatchObject({
        fromCache: false,
        text: 'words',
      });
    }
  });
});

describe('a cache that can only be read', () => {
  it('serves what there is, mirrors it, and says what it cannot fetch [K18]', async () => {
    const home = tempDirectory();
    const directory = join(home, 'cache');
    const { path } = await put(await openCache(directory), 'corpus', 'words');
    tool('mount', ['--bind', directory, directory]);
    onTestFinished(() => void tool('umount', ['--lazy', directory]));
    tool('mount', ['-o', 'remount,bind,ro', directory]);
    const cache = await openCache(directory);
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ path, fromCache: true });
    const mirrored = await cache.fetch('corpus', refuses, { mirror: join(home, 'corpus') });
    expect(mirrored).toMatchObject({ mirroredBy: 'copy' });
    await expect(cache.fetch('other', making('x'))).rejects.toMatchObject({
      code: 'HOLDFAST_CACHE_DIRECTORY',
    });
    await expect(put(cache, 'corpus', 'x')).rejects.toMatchObject({ code: 'HOLDFAST_CACHE_DIRECTORY' });
    const stale = { policy: 'always', staleIfError: true } as const;
    expect(await cache.fetch('corpus', making('x'), stale)).toMatchObject({ path, stale: true });
  });

  it('by its modes alone, all files 0444 and all directories 0555, serves hits, also after it was copied [K18, K25]', async () => {
    const home = tempDirectory();
    await put(await openCache(join(home, 'cache')), 'corpus', 'words');
    cpSync(join(home, 'cache'), join(home, 'copy'), { recursive: true });
    const copy = join(home, 'copy');
    for (const path of allIn(copy)) if (!existsSync(join(path, '.'))) chmodSync(path, 0o444);
    for (const path of [copy, ...allIn(copy)]) if (existsSync(join(path, '.'))) chmodSync(path, 0o555);
    tool('chown', ['-R', `${USER}:${USER}`, copy]);
    const agent = await Agent.start({ home, through: asUser(USER) });
    expect(await agent.run(fetchText, copy, 'corpus')).toMatchObject({ fromCache: true, text: 'words' });
    expect(await agent.run(fetchText, copy, 'corpus')).toMatchObject({ fromCache: true });
    const using = agent.run(async ({ cache }: Remote, directory: string) => {
      const opened = await cache.openCache(directory);
      await opened.use(
        'corpus',
        async () => undefined,
        {},
        () => undefined,
      );
    }, copy);
    await expect(using).rejects.toMatchObject({ code: 'HOLDFAST_CACHE_DIRECTORY' }); // nothing can be pinned
  });
});

describe('a full disk', () => {
  it('is told of, leaves the old entry, and the next fetch with room succeeds [K17]', async () => {
    const { disk } = smallDisk('size=4m');
    const cache = await openCache(join(disk, 'cache'));
    await put(cache, 'corpus', 'words');
    const large: Producer = async () =>
      (async function* () {
        for (let at = 0; at < 64; at++) yield Buffer.alloc(100_000, at);
      })();
    await expect(cache.fetch('corpus', large, { policy: 'always' })).rejects.toMatchObject({
      code: 'HOLDFAST_NO_SPACE',
    });
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ size: 5 });
    expect(existsSync(new Layout(cache.directory).partialOf('corpus'))).toBe(false);
    expect(await put(cache, 'corpus', 'more words')).toMatchObject({ size: 10 });
  });

  it('refuses what is known to be larger before the first byte [K17]', async () => {
    const { disk } = smallDisk('size=4m');
    const cache = await openCache(join(disk, 'cache'));
    let isAsked = false;
    const stream: Producer = async () =>
      (async function* () {
        isAsked = true;
        yield Buffer.alloc(1);
      })();
    await expect(cache.fetch('corpus', stream, { size: 100_000_000 })).rejects.toMatchObject({
      code: 'HOLDFAST_NO_SPACE',
    });
    expect(isAsked).toBe(false);
  });

  it('without a byte left still serves hits, and says what it cannot write [K17]', async () => {
    const { disk } = smallDisk('size=2m');
    const cache = await openCache(join(disk, 'cache'));
    await put(cache, 'corpus', 'words');
    fill(disk);
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ size: 5 });
    await expect(put(cache, 'corpus', 'x'.repeat(10_000))).rejects.toMatchObject({
      code: expect.any(String),
    });
    rmSync(join(disk, 'filler'));
    expect(await put(cache, 'corpus', 'fresh')).toMatchObject({ size: 5 });
  });

  it('without a byte left still forgets an entry, whose content stays for its grace, and leaves nothing else [K17, K2]', async () => {
    const { disk } = smallDisk('size=2m');
    const directory = join(disk, 'cache');
    const cache = await openCache(directory);
    const { path } = await put(cache, 'corpus', 'words');
    utimesSync(path, 1, 1);
    await cache.fetch('corpus', refuses); // whose record has that time from now on
    fill(disk);
    expect(await cache.delete('corpus')).toBe(true);
    expect(cache.peek('corpus')).toBeUndefined();
    expect(readdirSync(join(directory, 'partial'))).toEqual([]);
    await cache.prune();
    expect(readFileSync(path, 'utf8')).toBe('words');
    expect(await (await openCache(directory, { graceMs: 0 })).prune()).toMatchObject({ contents: 1 });
  });

  it('without an inode left says so, and works again once there is one [K17]', async () => {
    const home = tempDirectory();
    const disk = join(home, 'disk');
    mountTmpfs(disk, 'size=4m,nr_inodes=40');
    const cache = await openCache(join(disk, 'cache'));
    await put(cache, 'corpus', 'words');
    mkdirSync(join(disk, 'many'));
    for (let at = 0; ; at++) {
      try {
        writeFileSync(join(disk, 'many', String(at)), '');
      } catch {
        break;
      }
    }
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ size: 5 });
    await expect(put(cache, 'other', 'words')).rejects.toThrow();
    const full = { code: 'HOLDFAST_NO_SPACE' };
    await expect(put(cache, 'corpus', 'fresh')).rejects.toMatchObject(full);
    expect(await cache.delete('corpus')).toBe(true);
    rmSync(join(disk, 'many'), { recursive: true });
    expect(await put(cache, 'other', 'words')).toMatchObject({ size: 5 });
  });
});

describe('a file that nobody can remove', () => {
  it.each(['a content', 'a record'])(
    'is no end to a prune, which removes the rest and tells of it: %s [K33]',
    async (what) => {
      const { cache, layout } = await newCache({ graceMs: 0 });
      const { path } = await put(cache, 'stays', 'words');
      await put(cache, 'goes', 'other words');
      const stuck = what === 'a content' ? path : layout.recordOf('stays');
      tool('chattr', ['+i', stuck]);
      onTestFinished(() => void tool('chattr', ['-i', stuck]));

      const pruned = await cache.prune({ maxBytes: 0 });

      expect(pruned.failed).toEqual([{ path: stuck, reason: 'EPERM', could: 'not be removed' }]);
      expect(pruned).toMatchObject({ entries: what === 'a content' ? 2 : 1, contents: 1 });
      expect(existsSync(path)).toBe(true);
      expect(cache.peek('goes')).toBeUndefined();
    },
  );
});

describe('a mirror', () => {
  it('of another user’s content is a copy where the system protects it from links [K19, K20]', async () => {
    const home = tempDirectory();
    const directory = join(home, 'cache');
    mkdirSync(directory, { mode: 0o755 });
    await put(await openCache(directory), 'corpus', 'words');
    const own = join(home, 'own');
    mkdirSync(own);
    chownSync(own, USER, USER);
    const isProtected = readFileSync('/proc/sys/fs/protected_hardlinks', 'latin1').trim() === '1';
    const agent = await Agent.start({ home, through: asUser(USER) });
    expect(await agent.run(fetchText, directory, 'corpus', join(own, 'corpus'))).toMatchObject({
      fromCache: true,
      mirroredBy: isProtected ? 'copy' : 'link',
    });
  });

  it('is a copy once a content has as many links as its file system allows [K20]', async () => {
    const home = tempDirectory();
    const image = join(home, 'image');
    tool('truncate', ['--size=64M', image]);
    tool('mkfs.ext4', ['-q', '-N', '2000', image]);
    const disk = join(home, 'disk');
    mkdirSync(disk);
    tool('mount', ['-o', 'loop', image, disk]);
    onTestFinished(() => void tool('umount', ['--lazy', disk]));
    const cache = await openCache(join(disk, 'cache'));
    const { path } = await put(cache, 'corpus', 'words');
    mkdirSync(join(disk, 'links'));
    for (let at = 1; at < 65_000; at++) linkSync(path, join(disk, 'links', String(at)));
    const mirror = join(disk, 'corpus');
    expect(await cache.fetch('corpus', refuses, { mirror })).toMatchObject({ mirroredBy: 'copy' });
  });

  it('is a clone where the file system has them [G6, K20]', async () => {
    const home = memoryDirectory();
    const image = join(home, 'image');
    tool('truncate', ['--size=400M', image]);
    tool('mkfs.xfs', ['-q', '-m', 'reflink=1', image]);
    const disk = join(home, 'disk');
    mkdirSync(disk);
    tool('mount', ['-o', 'loop', image, disk]);
    onTestFinished(() => void tool('umount', ['--lazy', disk]));
    const cache = await openCache(join(disk, 'cache'));
    const mirror = join(disk, 'corpus');
    expect(await cache.fetch('corpus', making('words'), { mirror })).toMatchObject({ mirroredBy: 'reflink' });
    writeFileSync(mirror, 'edited');
    expect(await cache.fetch('corpus', refuses, { mirror })).toMatchObject({
      fromCache: true,
      mirroredBy: 'reflink',
    });
    expect(readFileSync(mirror, 'utf8')).toBe('words');
  });
});

it('a producer that leaves a read-only file, as a copy of a content is, publishes it also where that is no root [K28]', async () => {
  const home = tempDirectory();
  tool('chown', [`${USER}`, home]);
  const agent = await Agent.start({ home, through: asUser(USER) });
  const copied = await agent.run(
    async ({ cache, fs }: Remote, directory: string) => {
      const opened = await cache.openCache(directory);
      const { path } = await opened.fetch('corpus', async ({ temp }) => fs.writeFileSync(temp, 'words'));
      const copy = await opened.fetch('copy', async ({ temp }) => fs.copyFileSync(path, temp));
      const named = `${directory}.own`;
      fs.writeFileSync(named, 'other', { mode: 0o440 });
      const linked = await opened.fetch('linked', async ({ temp }) => fs.linkSync(named, temp));
      return { isSame: copy.path === path, size: linked.size, mode: fs.statSync(named).mode & 0o777 };
    },
    join(home, 'cache'),
  );
  expect(copied).toEqual({ isSame: true, size: 5, mode: 0o440 });
});

it('a prune goes on where it may not look into what somebody has left [K33]', async () => {
  const home = tempDirectory();
  tool('chown', [`${USER}`, home]);
  const agent = await Agent.start({ home, through: asUser(USER) });
  const pruned = await agent.run(
    async ({ cache, fs }: Remote, directory: string) => {
      const opened = await cache.openCache(directory);
      await opened.fetch('corpus', () => Promise.reject(new Error('no answer'))).catch(() => {});
      const closed = `${directory}/partial/closed~0123456789abcdef0123`;
      fs.mkdirSync(closed);
      for (const name of fs.readdirSync(`${directory}/partial`))
        fs.utimesSync(`${directory}/partial/${name}`, 1, 1);
      fs.chmodSync(closed, 0);
      fs.mkdirSync(`${closed}.0123456789abcdef`);
      return { ...(await opened.prune()), kept: fs.readdirSync(`${directory}/partial`) };
    },
    join(home, 'cache'),
  );
  expect(pruned).toMatchObject({ partials: 3, failed: [] });
  expect(pruned.kept).toEqual([]);
});
