import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FetchFailedError, IntegrityError, NotCachedError } from 'holdfast';
import { type FetchOptions, NOT_MODIFIED, openCache, type Policy, type Producer } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate } from '../support/deadline.ts';
import { Making, making, newCache, put, refuses } from './support.ts';

describe('fetch', () => {
  it('makes what is missing, publishes it whole, and serves it from then on [G1, G3, G4]', async () => {
    const { cache, directory } = await newCache();
    const made = await cache.fetch('corpus', making('words'));
    expect(made).toMatchObject({ fromCache: false, joined: false, stale: false, size: 5, generation: 1 });
    expect(made.producedBy.pid).toBe(process.pid);
    expect(readFileSync(made.path, 'utf8')).toBe('words');
    expect(statSync(made.path).mode & 0o777).toBe(0o444);
    const again = await cache.fetch('corpus', refuses);
    expect(again).toMatchObject({ fromCache: true, path: made.path, generation: 1 });
    expect(readdirSync(join(directory, 'partial'))).toEqual([]);
    expect(existsSync(join(directory, 'CACHEDIR.TAG'))).toBe(true);
  });

  it.each([
    ['a stream', () => Readable.from([Buffer.from('wo'), Buffer.from('rds')])],
    [
      'an async iterable',
      async function* () {
        yield Buffer.from('words');
      },
    ],
  ])('publishes the bytes of %s [G4]', async (_name, make) => {
    const { cache } = await newCache();
    const entry = await cache.fetch('corpus', async () => make());
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });

  it('copies a file that a producer names, and leaves it where it is', async () => {
    const { cache, home } = await newCache();
    const own = join(home, 'own');
    writeFileSync(own, 'words');
    const entry = await cache.fetch('corpus', async () => own);
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
    writeFileSync(own, 'other');
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });

  it('under always makes anew each time, and keeps what is said to be current [G2]', async () => {
    const { cache } = await newCache();
    await put(cache, 'corpus', 'old');
    const fresh = await put(cache, 'corpus', 'new');
    expect(fresh).toMatchObject({ generation: 2, fromCache: false });
    expect(readFileSync(fresh.path, 'utf8')).toBe('new');
    const same = await cache.fetch('corpus', async () => NOT_MODIFIED, { policy: 'always' });
    expect(same).toMatchObject({ generation: 3, path: fresh.path, produced: fresh.produced });
  });

  it('lets nobody keep an entry that is not what the call asks for [G1, K34]', async () => {
    const { cache } = await newCache();
    await put(cache, 'corpus', 'words');
    const unchanged: Producer = async ({ previous }) => {
      expect(previous).toBeUndefined();
      return NOT_MODIFIED;
    };
    const { integrity } = await put((await newCache()).cache, 'other', 'other words');
    const [sha256 = ''] = integrity.split(' ');
    for (const terms of [{ size: 6 }, { integrity: sha256 }]) {
      await expect(cache.fetch('corpus', unchanged, { policy: 'always', ...terms })).rejects.toThrow(
        'no entry',
      );
    }
    expect(await cache.fetch('corpus', refuses, {})).toMatchObject({ size: 5 });
  });

  it('under never serves what there is, and fetches nothing [G1]', async () => {
    const { cache } = await newCache();
    await expect(cache.fetch('corpus', refuses, { policy: 'never' })).rejects.toThrow(NotCachedError);
    await put(cache, 'corpus', 'words');
    expect((await cache.fetch('corpus', refuses, { policy: 'never' })).fromCache).toBe(true);
  });

  it.each([
    [{ maxAge: 60_000 }, 0, false],
    [{ maxAge: 60_000 }, -120_000, true],
    [{ maxAge: 60_000 }, 120_000, true],
    [{ maxAge: 0 }, 0, true],
  ] satisfies [Policy, number, boolean][])(
    'under %o with an entry checked %i ms from now fetches: %s [G1, K25]',
    async (policy, offset, isFetched) => {
      const { cache, layout } = await newCache();
      await put(cache, 'corpus', 'words');
      const path = layout.recordOf('corpus');
      const record = JSON.parse(readFileSync(path, 'utf8'));
      record.checked = new Date(Date.now() + offset).toISOString();
      writeFileSync(path, JSON.stringify(record));
      const made = new Making('fresh');
      await cache.fetch('corpus', made.producer, { policy });
      expect(made.count).toBe(isFetched ? 1 : 0);
    },
  );

  it('leaves the old entry when a refresh fails, and gives it where the caller takes it [G4]', async () => {
    const { cache } = await newCache();
    const old = await put(cache, 'corpus', 'old');
    const fails = () => Promise.reject(new Error('no answer'));
    await expect(cache.fetch('corpus', fails, { policy: 'always' })).rejects.toThrow('no answer');
    expect(await cache.fetch('corpus', refuses)).toMatchObject({ path: old.path });
    const stale = await cache.fetch('corpus', fails, { policy: 'always', staleIfError: true });
    expect(stale).toMatchObject({ path: old.path, stale: true, fromCache: true });
  });

  it('refuses bytes of another size or integrity, publishes nothing, and says what it got [G4, K34]', async () => {
    const { cache } = await newCache();
    const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
    await expect(cache.fetch('corpus', making('words'), { integrity })).rejects.toThrow(IntegrityError);
    await expect(cache.fetch('corpus', making('words'), { size: 6 })).rejects.toThrow('6 bytes');
    expect(cache.peek('corpus')).toBeUndefined();
  });

  it('takes an entry of another integrity for a miss, and for an error under never [G1]', async () => {
    const { cache } = await newCache();
    await put(cache, 'corpus', 'old');
    const other = await put(cache, 'other', 'new');
    const wanted = { integrity: other.integrity };
    await expect(cache.fetch('corpus', refuses, { ...wanted, policy: 'never' })).rejects.toThrow(
      IntegrityError,
    );
    const made = await cache.fetch('corpus', making('new'), wanted);
    expect(made.path).toBe(other.path);
  });

  it('finds an integrity by an algorithm that the record does not have yet in the content [K34]', async () => {
    const { cache } = await newCache();
    await put(cache, 'corpus', 'words');
    const { createHash } = await import('node:crypto');
    const integrity = `sha384-${createHash('sha384').update('words').digest('base64')}`;
    const entry = await cache.fetch('corpus', refuses, { integrity });
    expect(entry.integrity).toContain(integrity);
    expect(await cache.fetch('corpus', refuses, { integrity })).toMatchObject({ fromCache: true });
  });
});

describe.each(['if-missing', 'always'] as const)('callers of one thread under %s', (policy) => {
  it('that wait through a fetch share it, and get one path [G2, G18]', async () => {
    const { cache } = await newCache();
    const { opened, open } = gate();
    const made = new Making('words');
    const producer: typeof made.producer = async (context) => {
      await opened;
      return made.producer(context);
    };
    const calls = Array.from({ length: 3 }, () => cache.fetch('corpus', producer, { policy }));
    open();
    const entries = await Promise.all(calls);
    expect(made.count).toBe(1);
    expect(new Set(entries.map(({ path }) => path)).size).toBe(1);
    expect(entries.filter(({ joined }) => joined)).toHaveLength(2);
    await cache.fetch('corpus', producer, { policy });
    expect(made.count).toBe(policy === 'always' ? 2 : 1);
  });

  it('that wait through a failure share it too; a later call fetches again [G2, G15, K16]', async () => {
    const { cache } = await newCache();
    const { opened, open } = gate();
    let count = 0;
    const producer = async () => {
      count++;
      await opened;
      throw new Error('no answer');
    };
    const calls = Array.from({ length: 3 }, () => cache.fetch('corpus', producer, { policy }));
    for (const call of calls) call.catch(() => {});
    open();
    await expect(calls[0]).rejects.toThrow('no answer');
    for (const call of calls.slice(1)) await expect(call).rejects.toThrow(FetchFailedError);
    expect(count).toBe(1);
    expect(await cache.fetch('corpus', making('words'), { policy })).toMatchObject({ joined: false });
  });
});

it.each<[string, Producer]>([
  ['writes to its temp', async ({ temp, progress }) => progress(writeFileSync(temp, 'words') ?? 5)],
  [
    'returns a stream',
    async ({ signal }) => {
      expect(signal.aborted).toBe(false);
      return Readable.from([Buffer.from('words')]);
    },
  ],
])(
  'what onProgress throws at a producer that %s ends its own call alone [G2, G15]',
  async (_how, producer) => {
    const { cache } = await newCache();
    const { opened, open } = gate();
    const inTime: Producer = (context) => opened.then(() => producer(context));
    const onProgress = () => {
      throw new Error('its window is closed');
    };
    const ending = cache.fetch('corpus', inTime, { onProgress });
    const waiting = cache.fetch('corpus', making('words'));
    open();
    await expect(ending).rejects.toThrow('its window is closed');
    expect(await waiting).toMatchObject({ fromCache: false, joined: false });
    await put(cache, 'corpus', 'older words');
    const refresh = cache.fetch('corpus', producer, { policy: 'always', staleIfError: true, onProgress });
    await expect(refresh).rejects.toThrow('its window is closed');
  },
);

it('what an asynchronous onProgress rejects with ends its call as well [G2, G15]', async () => {
  const { cache } = await newCache();
  const onProgress = () => Promise.reject(new Error('its window is closed')) as never;
  const producer: Producer = async ({ temp, progress, signal }) => {
    progress(1);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    writeFileSync(temp, 'words');
  };
  await expect(cache.fetch('corpus', producer, { onProgress })).rejects.toThrow('its window is closed');
});

it.each<[string, string, FetchOptions, FetchOptions]>([
  ['an integrity', 'words', { integrity: `sha256-${Buffer.alloc(32).toString('base64')}` }, {}],
  ['a size', 'words', { size: 6 }, {}],
  ['a content without bytes', '', {}, { allowEmpty: true }],
])(
  'a failure of %s is shared by those alone who asked for the same [G2]',
  async (_what, text, terms, other) => {
    const { cache } = await newCache();
    const { opened, open } = gate();
    const made = new Making(text);
    const producer: typeof made.producer = async (context) => {
      await opened;
      return made.producer(context);
    };
    const strict = cache.fetch('corpus', producer, terms);
    const same = cache.fetch('corpus', producer, terms);
    const lenient = cache.fetch('corpus', producer, other);
    for (const call of [strict, same]) call.catch(() => {});
    open();
    await expect(strict).rejects.toMatchObject({ code: expect.stringMatching(/INTEGRITY|PRODUCER/) });
    await expect(same).rejects.toThrow(FetchFailedError);
    expect((await lenient).size).toBe(text.length);
    expect(made.count).toBe(2);
  },
);

it.each<[string, unknown]>([
  ['has no message', Object.assign(new Error(), { message: null })],
  ['has a message that is no text', Object.assign(new Error(), { message: { status: 404 } })],
  ['cannot be shown', Object.create(null)],
  ['is undefined', undefined],
])('a failure that %s is what its caller gets, and shared with who waited [G2]', async (_what, thrown) => {
  const { cache } = await newCache();
  const { opened, open } = gate();
  let count = 0;
  const producer = async () => {
    count++;
    await opened;
    throw thrown;
  };
  const own = cache.fetch('corpus', producer).catch((error: unknown) => ({ error }));
  const waits = cache.fetch('corpus', producer);
  waits.catch(() => {});
  open();
  expect((await own) as { error: unknown }).toHaveProperty('error', thrown);
  await expect(waits).rejects.toThrow(FetchFailedError);
  expect(count).toBe(1);
});

it('an entry that does not match is never given in the place of a refresh that failed [G1, G4]', async () => {
  const { cache } = await newCache();
  await put(cache, 'corpus', 'old');
  const { integrity } = await put(cache, 'other', 'new');
  const fails = () => Promise.reject(new Error('no answer'));
  for (const terms of [{ integrity }, { size: 7 }]) {
    await expect(cache.fetch('corpus', fails, { ...terms, staleIfError: true })).rejects.toThrow('no answer');
  }
});

it('what a call asks for is settled when it is made, whatever becomes of its options and the directory [G5]', async () => {
  const { cache, home } = await newCache();
  const former = process.cwd();
  onTestFinished(() => process.chdir(former));
  process.chdir(home);
  const options = { mirror: 'mirror', size: 5 };
  const call = cache.fetch('corpus', making('words'), options);
  Object.assign(options, { mirror: 'another', size: 7 });
  process.chdir(former);
  expect(await call).toMatchObject({ mirror: join(home, 'mirror') });
});

it('an integrity that the record does not know, and that differs, is an error under never, and a miss else [G1, K34]', async () => {
  const { cache } = await newCache();
  await put(cache, 'corpus', 'words');
  const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
  await expect(cache.fetch('corpus', refuses, { integrity, policy: 'never' })).rejects.toThrow(
    IntegrityError,
  );
  await expect(cache.fetch('corpus', refuses, { integrity })).rejects.toThrow('it was fetched');
  expect(await cache.fetch('corpus', refuses)).toMatchObject({ size: 5 });
});

it('options and keys that cannot be used are refused before anything is touched', async () => {
  const { cache, home } = await newCache();
  await expect(cache.fetch('', refuses)).rejects.toThrow('key must');
  await expect(cache.fetch('k', refuses, { policy: 'sometimes' as Policy })).rejects.toThrow('policy must');
  await expect(cache.fetch('k', refuses, { policy: { maxAge: -1 } })).rejects.toThrow('got { maxAge: -1 }');
  await expect(cache.fetch('k', refuses, { integrity: 'md5-AAAA' })).rejects.toThrow('integrity');
  await expect(cache.fetch('k', refuses, { mirrored: 'x' } as object)).rejects.toThrow('did you mean mirror');
  await expect(openCache(join(home, 'x'), { maxBytes: -1 })).rejects.toThrow('maxBytes');
  await expect(openCache(join(home, 'x'), { audit: { path: '' } })).rejects.toThrow('audit.path');
  expect(existsSync(join(home, 'x'))).toBe(false);
  await expect(cache.fetch(Object.create(null), refuses)).rejects.toThrow('key must');
  const made = new Making('words');
  const noBody = undefined as unknown as () => void;
  await expect(cache.use('k', made.producer, {}, noBody)).rejects.toThrow('body must');
  await expect(cache.use('k', made.producer, null as unknown as object, () => {})).rejects.toThrow(
    'options must',
  );
  expect(made.count).toBe(0);
});
