import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CacheDirectoryError } from 'holdfast';
import { ensureWritableDirectory, openCache } from 'holdfast/cache';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { intercept, systemError } from '../engine/portable/intercept.ts';
import { needsRoot } from '../support/root.ts';
import { memoryDirectory, tempDirectory } from '../support/temp.ts';
import { newCache, put, refuses } from './support.ts';

const modeOf = (path: string) => statSync(path).mode & 0o7777;

function withUmask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => void process.umask(before));
}

function allIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
}

describe('a cache directory', () => {
  it.each([0o022, 0o077, 0o002])(
    'of its owner is closed to all others under umask %o [K19]',
    async (mask) => {
      withUmask(mask);
      const { cache, directory } = await newCache();
      await put(cache, 'corpus', 'words');
      expect(modeOf(directory)).toBe(0o700);
      for (const path of allIn(directory)) {
        const mode = modeOf(path);
        expect([0o600, 0o700, 0o444], path).toContain(mode);
      }
    },
  );

  it('whose format cannot be read is refused with the name of that file [K26]', async () => {
    const { directory } = await newCache();
    intercept('openSync', (original) => (path, ...rest) => {
      if (path === join(directory, 'format')) throw systemError('EACCES');
      return original(path, ...rest);
    });
    await expect(openCache(directory)).rejects.toThrow(
      `The cache directory ${directory} has a file that cannot be read, ${join(directory, 'format')}: EACCES.`,
    );
  });

  it('that is shared has the mode of the umask [K19]', async () => {
    withUmask(0o002);
    const home = memoryDirectory();
    chmodSync(home, 0o775);
    const made = await openCache(join(home, 'made'), { access: 'shared' });
    expect(modeOf(made.directory)).toBe(0o775);
  });

  it.each([
    ['700', '700'],
    ['750', '750'],
    ['2770', '2770'],
    ['3770', '2770'],
  ])(
    'of mode %s has directories of mode %s in it, and files for the same people, under every umask [K19]',
    async (mode, below) => {
      for (const umask of [0o000, 0o022, 0o077]) {
        const home = memoryDirectory();
        chmodSync(home, Number.parseInt(mode, 8));
        withUmask(umask);
        const cache = await openCache(home);
        await put(cache, 'corpus', 'words');
        await cache.fetch('bad', refuses).catch(() => {});
        for (const path of allIn(cache.directory)) {
          const readers = Number.parseInt(below, 8) & 0o444;
          if (statSync(path).isDirectory()) expect(modeOf(path).toString(8), path).toBe(below);
          else if (!path.includes('/content/')) expect(modeOf(path) & 0o444, path).toBe(readers);
        }
      }
    },
  );

  it('of another major version is refused by name, and a later minor one is used [K26]', async () => {
    const { directory, cache } = await newCache();
    await put(cache, 'corpus', 'words');
    writeFileSync(join(directory, 'format'), 'holdfast-cache 1.7\n');
    expect((await openCache(directory)).peek('corpus')).toMatchObject({ size: 5 });
    writeFileSync(join(directory, 'format'), 'holdfast-cache 2\n');
    await expect(openCache(directory)).rejects.toThrow('version 2');
    writeFileSync(join(directory, 'format'), 'something else');
    await expect(openCache(directory)).rejects.toThrow(CacheDirectoryError);
    expect(readFileSync(join(directory, 'format'), 'utf8')).toBe('something else');
  });

  it('that any user could change is refused [K19]', async () => {
    const home = memoryDirectory();
    chmodSync(home, 0o777);
    await expect(openCache(home)).rejects.toThrow(/can be written by every user.*: use another one\.$/);
    chmodSync(home, 0o1777); // as /tmp is
    await expect(openCache(home)).rejects.toThrow(
      /can be written by every user.*: make one of your own in it, or use another one\.$/,
    );
    expect(readdirSync(home)).toEqual([]);
  });

  describe('below a directory where every user can put another one in its place', () => {
    const open = (mode = 0o777) => {
      const parent = memoryDirectory();
      chmodSync(parent, mode);
      return { parent, path: join(parent, 'cache') };
    };
    const make = (path: string, mode: number) => {
      mkdirSync(path);
      chmodSync(path, mode);
    };

    it.each([0o700, 0o755])('is used if only its user can write in it (mode %o) [K19]', async (mode) => {
      const { path } = open();
      make(path, mode);
      expect(await openCache(path)).toBeDefined();
    });

    it('is made for its user alone [K19]', async () => {
      const { path } = open();
      await openCache(path);
      expect(modeOf(path)).toBe(0o700);
    });

    it('is refused if a group can write in it, as it is with the sticky bit there [K19]', async () => {
      const { parent, path } = open();
      make(path, 0o2770);
      await expect(openCache(path)).rejects.toThrow(
        `The cache directory ${path} lies in ${parent}, where every user could put another one in its place: ` +
          `set the sticky bit there (chmod +t ${parent}), or use another one.`,
      );
      expect(readdirSync(path)).toEqual([]);
      chmodSync(parent, 0o1777);
      expect(await openCache(path)).toBeDefined();
    });

    it('is refused if it is somebody else’s [K19]', async () => {
      needsRoot();
      const { path } = open();
      make(path, 0o700);
      chownSync(path, 65_534, 65_534);
      await expect(openCache(path)).rejects.toThrow(CacheDirectoryError);
      expect(readdirSync(path)).toEqual([]);
    });

    it('is refused if it is a link, be it to a directory of one’s own [K19, K26]', async () => {
      const { path } = open();
      const home = memoryDirectory();
      symlinkSync(home, path);
      await expect(openCache(path)).rejects.toThrow(CacheDirectoryError);
      expect(readdirSync(home)).toEqual([]);
    });

    it('is not made for a group [K19]', async () => {
      withUmask(0o002);
      const { parent, path } = open();
      await expect(openCache(path, { access: 'shared' })).rejects.toThrow(CacheDirectoryError);
      expect(readdirSync(parent)).toEqual([]);
    });
  });

  it('is not made for everybody, whatever the umask [K19]', async () => {
    withUmask(0);
    const path = join(memoryDirectory(), 'cache');
    await expect(openCache(path, { access: 'shared' })).rejects.toThrow('set a umask such as 022 before');
    expect(existsSync(path)).toBe(false);
  });

  it('of other things is not tagged as one that backups may skip [K19]', async () => {
    const home = memoryDirectory();
    writeFileSync(join(home, 'thesis.tex'), 'words');
    await put(await openCache(home), 'corpus', 'words');
    await openCache(home);
    expect(readdirSync(home)).not.toContain('CACHEDIR.TAG');
  });

  it('that is a file is refused', async () => {
    const home = memoryDirectory();
    writeFileSync(join(home, 'file'), '');
    await expect(openCache(join(home, 'file'))).rejects.toThrow('is no directory');
  });

  it('that cannot be made is refused, with what to do about it [G16]', async () => {
    const file = join(tempDirectory(), 'file');
    writeFileSync(file, '');

    await expect(openCache(join(file, 'cache'))).rejects.toThrow(
      /cannot be used: ENOTDIR\. Move \S+ away: a directory has to be there, or use another one\.$/,
    );
  });

  it('is one cache by whichever way it is named [G17]', async () => {
    const { cache, directory, home } = await newCache();
    symlinkSync(directory, join(home, 'way'));
    const other = await openCache(join(home, 'way'));
    expect(other.directory).toBe(cache.directory);
    await put(cache, 'corpus', 'words');
    expect(await other.fetch('corpus', refuses)).toMatchObject({ fromCache: true });
  });

  it('is made by many callers at once, with its parents [G13, G16]', async () => {
    const home = memoryDirectory();
    const caches = await Promise.all(Array.from({ length: 8 }, () => openCache(join(home, 'a/b/c'))));
    await put(caches[0] as (typeof caches)[0], 'corpus', 'words');
    expect(caches.every((cache) => cache.peek('corpus')?.size === 5)).toBe(true);
  });
});

describe('ensureWritableDirectory', () => {
  it('makes a directory with its parents, in the mode that was asked for, whatever the umask [G16]', async () => {
    withUmask(0o077);
    const home = tempDirectory();
    await ensureWritableDirectory(join(home, 'a/b'), 0o750);
    expect([modeOf(join(home, 'a')), modeOf(join(home, 'a/b'))]).toEqual([0o750, 0o750]);
    await ensureWritableDirectory(join(home, 'c'));
    expect(modeOf(join(home, 'c'))).toBe(0o700);
    expect(readdirSync(join(home, 'a/b'))).toEqual([]);
  });

  it.each<[string, string, unknown]>([
    ['path', '', 0o700],
    ['path', 'a\0b', 0o700],
    ['mode', 'made', '0755'],
    ['mode', 'made', Number.NaN],
    ['mode', 'made', -1],
    ['mode', 'made', null],
  ])('refuses a %s that is none: %o, %o [G16]', async (input, name, mode) => {
    const home = tempDirectory();
    const path = name && join(home, name);
    await expect(ensureWritableDirectory(path, mode as number)).rejects.toMatchObject({
      code: 'HOLDFAST_INPUT',
      input,
    });
    expect(readdirSync(home)).toEqual([]);
  });

  it('leaves the mode of one that is there, and may be called by many at once [G16]', async () => {
    const home = tempDirectory();
    chmodSync(home, 0o755);
    await Promise.all(Array.from({ length: 20 }, () => ensureWritableDirectory(home)));
    expect(modeOf(home)).toBe(0o755);
  });

  it.each([
    [2, 'done'],
    [3, 'EBUSY'],
  ])(
    'makes three tries, after pauses that grow, when %i fail with what passes [G7, G16]',
    async (failures, outcome) => {
      vi.useFakeTimers();
      vi.spyOn(Math, 'random').mockReturnValue(0.5);
      onTestFinished(() => void vi.useRealTimers());
      onTestFinished(() => void vi.restoreAllMocks());
      const home = tempDirectory();
      const tries: number[] = [];
      intercept('writeFileSync', (original) => (path, ...rest) => {
        tries.push(performance.now());
        if (tries.length <= failures) throw systemError('EBUSY');
        return original(path, ...rest);
      });

      const ended = ensureWritableDirectory(home).then(
        () => 'done',
        ({ code }) => code,
      );
      await vi.runAllTimersAsync();

      expect(await ended).toBe(outcome);
      const [first = 0, second = 0, third = 0] = tries;
      expect([second - first, third - second, tries.length]).toEqual([15, 30, 3]);
    },
  );

  it('says at once what will not pass [G7, G16]', async () => {
    const home = tempDirectory();
    writeFileSync(join(home, 'file'), '');
    await expect(ensureWritableDirectory(join(home, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  });
});
