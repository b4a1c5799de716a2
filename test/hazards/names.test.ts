import { mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { acquireLock, acquireLockSync, InputError, LockManager, withLock } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { givenPath } from '../../src/document/file/place.ts';
import { heard } from '../support/events.ts';
import { newLocks } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

/** Names that break things which take names for paths, for shell words, for text or for keys of objects. */
const awkward: Record<string, string> = {
  dot: '.',
  'dot dot': '..',
  'a path': 'a/b',
  'an absolute path': '/etc/passwd',
  'a way out': '../../etc/passwd',
  backslashes: 'C:\\roles.json',
  'a NUL': 'a\0b',
  'only a NUL': '\0',
  'a newline': 'a\nb',
  'white space': ' ',
  'a lone high surrogate': '\ud83d',
  'a lone low surrogate': '\ude00',
  'the replacement character': '\ufffd',
  'an emoji': '🔒',
  'a composed letter': 'é',
  'a decomposed letter': 'e\u0301',
  'a key of every object': '__proto__',
  'another such key': 'constructor',
  'a glob': '*',
  'an option': '--help',
  'an escape sequence': '\u001b[2J',
  'a reserved name of Windows': 'CON',
  'a lock file': 'mirror~53f65c34395f9938d26a.lock',
};

function tempManager(): LockManager {
  return newLocks();
}

async function expectLockable(manager: LockManager, name: string): Promise<void> {
  const lock = await manager.acquire({ name });
  expect(lock.resource).toBe(name);
  expect(dirname(lock.path)).toBe(manager.directory);
  expect(await manager.tryAcquire({ name })).toBeUndefined();
  expect(manager.inspect({ name }).state).toBe('exclusive');
  await lock.release();
}

describe('any string is the name of a lock', () => {
  it.each(Object.keys(awkward))('also %s [H20]', async (what) => {
    const manager = tempManager();

    await expectLockable(manager, awkward[what] as string);

    expect(readdirSync(manager.directory)).toHaveLength(1);
  });

  it('of 1 to 300 bytes, in one byte a character or four [H20]', async () => {
    const manager = tempManager();
    for (let length = 1; length <= 300; length++) {
      await expectLockable(manager, 'n'.repeat(length));
      if (length % 4 === 0) await expectLockable(manager, '🔒'.repeat(length / 4));
    }
    for (const file of readdirSync(manager.directory)) expect(Buffer.byteLength(file)).toBeLessThan(200);
    await expectLockable(manager, 'x'.repeat(1_000_000));
  });

  it('and names that differ have files that differ [H20]', () => {
    const manager = new LockManager({ directory: '/locks' });
    const names = [...Object.values(awkward), 'a\ud83db', 'a\ude00b', 'a\ufffdb', 'A', 'a', 'a ', ' a'];
    expect(new Set(names.map((name) => manager.pathOf({ name }).toLowerCase())).size).toBe(names.length);

    const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
    const name = fc.array(unit, { minLength: 1, maxLength: 60 }).map((units) => units.join(''));
    fc.assert(
      fc.property(name, name, (a, b) => {
        const [one, other] = [manager.pathOf({ name: a }), manager.pathOf({ name: b })];
        expect(one === other).toBe(a === b);
        expect(dirname(one)).toBe('/locks');
        expect(one.slice(7)).toMatch(/^[\w-][\w.-]*~[0-9a-f]{20}\.lock$/);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(name, fc.nat(59), unit, (a, at, changed) => {
        const b = a.slice(0, at) + changed + a.slice(at + 1);
        expect(manager.pathOf({ name: a }) === manager.pathOf({ name: b })).toBe(a === b);
      }),
      { numRuns: 2000 },
    );
  });

  it('except the empty one [H20]', async () => {
    const manager = tempManager();
    await expect(manager.acquire('')).rejects.toBeInstanceOf(InputError);
    await expect(manager.acquire({ name: '' })).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
    expect(() => manager.pathOf('')).toThrow(InputError);
  });

  it('but a string by itself must not look like a path, whatever was asked for before [X10]', async () => {
    const manager = tempManager();
    for (const name of ['data/roles.json', './roles.json', '/', '.', '..']) {
      await expectLockable(manager, name);
      const error = {
        code: 'HOLDFAST_INPUT',
        input: 'lock name',
        message: expect.stringMatching(/could be meant as a path, got .*: pass \{ file \} .* or \{ name \} /),
      };
      for (const call of [
        () => manager.acquire(name),
        () => manager.tryAcquire(name),
        () => manager.with(name, () => {}),
        () => manager.acquireAll(['mirror', name]),
        () => manager.untilFree(name),
      ])
        await expect(call()).rejects.toMatchObject(error);
      for (const call of [
        () => manager.pathOf(name),
        () => manager.inspect(name),
        () => manager.acquireSync(name),
        () => manager.withSync(name, {}, () => {}),
        () => manager.breakClaim(name, 'x'),
      ])
        expect(call).toThrow(expect.objectContaining(error));
    }
  });

  it('and nothing but a string: the error says what was given [H20]', async () => {
    const manager = tempManager();
    for (const target of [undefined, null, 7, {}, [], { name: 7 }, { name: 'a', file: 'b' }]) {
      await expect(manager.acquire(target as never)).rejects.toMatchObject({
        code: 'HOLDFAST_INPUT',
        input: 'lock name',
      });
    }
  });
});

describe('a file', () => {
  it('is named by its path or its file: URL, which are one lock [X10]', async () => {
    const file = join(tempDirectory(), 'with space.json');
    const url = pathToFileURL(file);
    const manager = new LockManager();

    await withLock(url, async (lock) => {
      expect(lock.resource).toBe(file);
      expect(lock.path).toBe(manager.pathOf({ file }));
      expect(lock.path).toBe(manager.pathOf({ file: url }));
      expect(lock.path).toBe(manager.pathOf({ file: url.href })); // as of import.meta.url
    });
    await (await acquireLock(url)).release();
    await acquireLockSync(url).release();
    for (const wrong of ['https://example.org/x', 'file://elsewhere/x', 'data:,x']) {
      expect(() => manager.pathOf({ file: `file://elsewhere/${wrong}` })).toThrow(
        /must be a path or a file: URL of this/,
      );
      await expect(manager.acquire({ file: new URL(wrong) })).rejects.toMatchObject({
        code: 'HOLDFAST_INPUT',
        input: 'lock path',
        message: expect.stringContaining(wrong),
      });
    }
  });

  it('is named by every spelling of its file: URL, as a lock and as a document, but by no word that only begins so [X10]', () => {
    const file = join(tempDirectory(), 'with space.json');
    const { pathname, href } = pathToFileURL(file);
    const manager = new LockManager();

    for (const url of [href, `file:${pathname}`, `FILE://${pathname}`, `File://localhost${pathname}`]) {
      expect(manager.pathOf({ file: url }), url).toBe(manager.pathOf({ file }));
      expect(givenPath(url), url).toBe(file);
    }
    for (const path of ['file:x', './file:/x', `${dirname(file)}/file:/x`, 'file.json', 'files://x']) {
      expect(manager.pathOf({ file: path }), path).toBe(manager.pathOf({ file: resolve(path) }));
      expect(givenPath(path), path).toBe(resolve(path));
    }
    expect(() => givenPath('file://elsewhere/x')).toThrow(/must be the path or file: URL of a file/);
  });

  it.each(['kernel', 'portable'] as const)(
    'has its missing directories made, and an event says so once (%s engine) [X10, G13]',
    async (engine) => {
      const base = tempDirectory();
      const file = join(base, 'dta/deep/roles.json');
      const made = heard('directory-made');
      const manager = new LockManager({ engine });

      for (let round = 0; round < 2; round++) await (await manager.acquire({ file })).release();
      await (await manager.acquire({ file: join(base, 'not made yet') })).release();

      expect(made).toMatchObject([{ resource: file, directory: join(base, 'dta') }]);
      expect(made).toHaveLength(1);
    },
  );

  it('whose directory cannot be made is an error, and no event [X10]', async () => {
    const made = heard('directory-made');

    await expect(new LockManager().acquire({ file: '/proc/no/such/file' })).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
    });

    expect(made).toEqual([]);
  });
});

describe('any file that can exist can be locked', () => {
  it.each(['exclusive', 'shared'] as const)(
    'with a name of up to 255 bytes, without degradation (%s) [H20]',
    async (mode) => {
      const directory = tempDirectory();
      const strict = new LockManager({ strict: true });
      for (const length of [1, 100, 200, ...Array.from({ length: 26 }, (_, i) => 230 + i)]) {
        const file = join(directory, 'n'.repeat(length));
        const lock = await strict.acquire({ file }, { mode });
        expect(await strict.tryAcquire({ file })).toBeUndefined();
        await lock.release();
      }
      const names = readdirSync(directory);
      expect(names).toHaveLength(29);
      expect(Math.max(...names.map((name) => Buffer.byteLength(name)))).toBeLessThanOrEqual(255);
    },
  );

  it('and a name that is too long for a file is refused with its path [H20]', async () => {
    const file = join(tempDirectory(), 'n'.repeat(256));
    // The lock file itself would fit; the file it stands for can never exist, which is no harm.
    await (await new LockManager().acquire({ file })).release();
    const deep = join(tempDirectory(), 'n'.repeat(300), 'roles.json');
    await expect(new LockManager().acquire({ file: deep })).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      systemCode: 'ENAMETOOLONG',
      message: expect.stringContaining('Make its name or the path to it shorter'),
    });
  });

  it('at a path of up to 4,095 bytes; a longer one is refused with its path [H20]', async () => {
    const base = tempDirectory();
    const step = 'd'.repeat(200);
    const deep = (length: number) => {
      let path = base;
      while (path.length + 201 < length) path = join(path, step);
      return join(path, 'f'.repeat(Math.max(1, length - path.length - 1)));
    };
    const fits = deep(4_000);
    mkdirSync(dirname(fits), { recursive: true });
    const manager = new LockManager();
    const lock = await manager.acquire({ file: fits });
    expect(await manager.tryAcquire({ file: fits })).toBeUndefined();
    await lock.release();

    for (const length of [4_096, 5_000, 20_000]) {
      await expect(manager.acquire({ file: deep(length) })).rejects.toMatchObject({
        code: 'HOLDFAST_UNWRITABLE',
        systemCode: 'ENAMETOOLONG',
        path: expect.stringContaining(step),
      });
    }
  });

  it('but not at a path with a NUL, an empty one, or the root [H20]', async () => {
    for (const path of ['', 'a\0b', '/']) {
      await expect(acquireLock(path)).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input: 'lock path' });
    }
    for (const option of ['directory', 'fallbackDirectory']) {
      for (const path of ['', 'a\0b']) {
        expect(() => new LockManager({ [option]: path })).toThrow(
          expect.objectContaining({ code: 'HOLDFAST_INPUT', input: option }),
        );
      }
    }
  });

  it('also under the awkward names that a file can have [H20]', async () => {
    const directory = tempDirectory();
    const manager = new LockManager({ strict: true });
    const names = Object.values(awkward).filter((name) => !/[\0/]/.test(name) && !/^\.\.?$/.test(name));
    for (const name of names) {
      const lock = await manager.acquire({ file: join(directory, name) });
      expect(dirname(lock.path)).toBe(directory);
      expect(basename(lock.path)).toMatch(/^\..*\.lock$/s);
      await lock.release();
    }
  });
});
