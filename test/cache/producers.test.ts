import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { DeadlockError, LockManager, TimeoutError } from 'holdfast';
import { NOT_MODIFIED, type Producer } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate } from '../support/deadline.ts';
import { until } from '../support/until.ts';
import { Making, making, newCache, put, refuses } from './support.ts';

function makeOwn(directory: string): string {
  mkdirSync(directory);
  return directory;
}

describe('a producer', () => {
  it.each<[string, Producer, string]>([
    ['returns nothing and writes nothing', async () => {}, 'wrote nothing'],
    ['throws', () => Promise.reject(new Error('its own')), 'its own'],
    ['names a temp that is not there', async ({ temp }) => temp, 'wrote nothing'],
    ['makes no bytes', making(''), 'no bytes'],
    ['returns a number', (async () => 7) as unknown as Producer, 'neither'],
    ['leaves a directory', async ({ temp }) => void mkdirSync(temp), 'temp'],
    ['leaves a link', async ({ temp }) => symlinkSync('/etc/hostname', temp), 'temp'],
    ['says that nothing changed where nothing is', async () => NOT_MODIFIED, 'no entry'],
    [
      'gives a chunk that is no bytes',
      async () =>
        (async function* () {
          yield 7 as unknown as Uint8Array;
        })(),
      'not bytes',
    ],
    ['names a file that is not there', async ({ temp }) => `${temp}.other`, 'cannot be read: ENOENT'],
    ['names no file', async () => '', 'returned an empty path, which cannot be read'],
    ['names what is no path', async () => 'a\0b', 'returned the path a\\u0000b, which'],
    ['names a directory', async ({ temp }) => dirname(temp), 'is no file'],
    [
      'gives a stream that has failed already',
      async () => new Readable().destroy(new Error('broken')),
      'broken',
    ],
  ])(
    'that %s publishes nothing, and leaves nothing behind after the next fetch [K28]',
    async (_what, bad, says) => {
      const { cache, layout } = await newCache();
      await expect(cache.fetch('corpus', bad)).rejects.toThrow(says);
      expect(cache.peek('corpus')).toBeUndefined();
      await put(cache, 'corpus', 'words');
      expect(existsSync(layout.partialOf('corpus'))).toBe(false);
      expect(existsSync(layout.failureOf('corpus'))).toBe(false);
    },
  );

  it('of another copy of the package says that nothing changed as well [X28]', async () => {
    const { cache } = await newCache();
    const { path } = await put(cache, 'corpus', 'words');
    const elsewhere = structuredClone(NOT_MODIFIED);
    const entry = await cache.fetch('corpus', async () => elsewhere, { policy: 'always' });
    expect(entry).toMatchObject({ path, generation: 2 });
  });

  it('may make an entry without bytes where the caller says so [K28]', async () => {
    const { cache } = await newCache();
    expect(await cache.fetch('a', making(''), { allowEmpty: true })).toMatchObject({ size: 0 });
    expect(await cache.fetch('b', making(''), { size: 0 })).toMatchObject({ size: 0 });
  });

  it('that still writes after it returned is found out: its entry is made anew [K28]', async () => {
    const { cache } = await newCache();
    const late: { stream?: ReturnType<typeof createWriteStream> } = {};
    const entry = await cache.fetch('corpus', async ({ temp }) => {
      writeFileSync(temp, 'words');
      late.stream = createWriteStream(temp, { flags: 'a' });
      await new Promise((resolve) => late.stream?.once('open', resolve));
    });
    await new Promise((resolve) => late.stream?.end(' and more', () => resolve(undefined)));
    expect(readFileSync(entry.path, 'utf8')).toBe('words and more');
    const again = new Making('words');
    await cache.fetch('corpus', again.producer);
    expect(again.count).toBe(1);
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });

  it('that writes when it is hashed and not published yet is found out by the next look [K28]', async () => {
    const { cache, layout } = await newCache();
    const sweeping = new LockManager({ directory: layout.locks });
    onTestFinished(() => sweeping.close());
    const prune = await sweeping.acquire(layout.storeLock); // keeps it from its last step
    const late: { file?: FileHandle } = {};
    const making = cache.fetch('corpus', async ({ temp }) => {
      late.file = await open(temp, 'w');
      await late.file.write('words');
    });
    const temp = join(layout.partialOf('corpus'), 'temp');
    const modeOf = () => (statSync(temp, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
    await until(() => modeOf() === 0o444, 'the content has its mode');
    await late.file?.write('other', 0);
    await late.file?.close();
    await prune.release();
    await making;
    const again = new Making('words');
    const entry = await cache.fetch('corpus', again.producer);
    expect([again.count, readFileSync(entry.path, 'utf8')]).toEqual([1, 'words']);
  });

  it('that fails leaves no temp that fills the disk [K17, K28]', async () => {
    const { cache, layout } = await newCache();
    const fails: Producer = async ({ temp }) => {
      writeFileSync(temp, 'half of the words');
      throw new Error('its own');
    };
    await expect(cache.fetch('corpus', fails)).rejects.toThrow('its own');
    expect(existsSync(layout.partialOf('corpus'))).toBe(false);
  });

  it('may leave directories deeper than any path beside its temp: they go, and end no later fetch, deletion or prune [K17, K28]', async () => {
    const { cache, layout } = await newCache({ graceMs: 0 });
    const leaving = (ending: (temp: string) => void): Producer => {
      return async ({ temp }) => {
        const [deep, around] = ['deep', 'around'].map((name) => join(dirname(temp), name)) as [
          string,
          string,
        ];
        mkdirSync(deep);
        for (let level = 0; level < 5000; level++) {
          mkdirSync(around);
          renameSync(deep, join(around, 'level'));
          renameSync(around, deep);
        }
        ending(temp);
      };
    };
    const fails = () => {
      throw new Error('in vain');
    };
    await cache.fetch(
      'made',
      leaving((temp) => writeFileSync(temp, 'words')),
    );
    expect(readdirSync(layout.partials)).toEqual([]);
    await expect(cache.fetch('failed', leaving(fails))).rejects.toThrow('in vain');
    expect(existsSync(layout.partialOf('failed'))).toBe(false);
    for (const key of ['fetched', 'deleted', 'pruned'])
      await leaving(() => {})({ temp: join(makeOwn(layout.partialOf(key)), 'temp') } as never);
    await cache.fetch('fetched', making('words'));
    await cache.delete('deleted');
    expect((await cache.prune({ maxAge: 0 })).failed).toEqual([]);
    expect(readdirSync(layout.partials)).toEqual([]);
  });

  it('may return a file that others have open: it is copied [K28]', async () => {
    const { cache, home } = await newCache();
    const path = join(home, 'in use');
    const file = await open(path, 'w');
    await file.write('words');
    const entry = await cache.fetch('corpus', async () => path);
    await file.write(' and more');
    await file.close();
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });

  it('that fetches its own key, or two that fetch each other’s, get a DeadlockError [K29]', async () => {
    const { cache } = await newCache();
    const own = cache.fetch('a', async () => (await cache.fetch('a', refuses)).path);
    const inside = await own.catch((error: unknown) => error);
    expect(inside).toBeInstanceOf(DeadlockError);
    expect(String(inside)).toContain(
      'Waiting for a would never end: this very code is part of its production.',
    );
    expect(String(inside)).toContain('A producer can fetch other keys');
    const both = gate();
    let count = 0;
    const crossing = (own: string, other: string) =>
      cache.fetch(own, async () => {
        if (++count === 2) both.open();
        await both.opened;
        return (await cache.fetch(other, making(other))).path;
      });
    const ends = await Promise.allSettled([crossing('b', 'c'), crossing('c', 'b')]);
    const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    const [deadlock] = errors.filter((error) => error instanceof DeadlockError);
    expect(String(deadlock)).toMatch(
      /^DeadlockError: Waiting for [bc] would never end: .+ holds .+ and waits for /,
    );
    for (const error of [inside, ...errors])
      expect(String(error)).not.toMatch(/reentrant|acquireAll|enclosing with/);
  });

  it('may fetch another key', async () => {
    const { cache } = await newCache();
    const entry = await cache.fetch('index', async () => (await put(cache, 'corpus', 'words')).path);
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });
});

describe('a call that ends early', () => {
  it('among three leaves the others their result, whoever of them it is; the last one ends the producer [K27]', async () => {
    const { cache } = await newCache();
    const { opened, open } = gate();
    const started = gate();
    const signals: AbortSignal[] = [];
    const producer: Producer = async ({ temp, signal }) => {
      signals.push(signal);
      started.open();
      await opened;
      writeFileSync(temp, 'words');
    };
    const [runner, waiter] = [new AbortController(), new AbortController()];
    const first = cache.fetch('corpus', producer, { signal: runner.signal });
    const second = cache.fetch('corpus', producer, { signal: waiter.signal });
    const third = cache.fetch('corpus', producer);
    for (const call of [first, second]) call.catch(() => {});
    await started.opened;
    waiter.abort(new Error('the waiter left'));
    runner.abort(new Error('the runner left'));
    await expect(first).rejects.toThrow('the runner left');
    await expect(second).rejects.toThrow('the waiter left');
    expect(signals[0]?.aborted).toBe(false);
    open();
    expect(await third).toMatchObject({ joined: true });
    expect(signals).toHaveLength(1);
  });

  it('and is the last one ends the producer, and is no failure for who comes next [K27]', async () => {
    const { cache } = await newCache();
    const controller = new AbortController();
    const started = gate();
    const ended = gate();
    const call = cache.fetch(
      'corpus',
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended.open();
            reject(signal.reason);
          });
          started.open();
        }),
      { signal: controller.signal },
    );
    call.catch(() => {});
    await started.opened;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await ended.opened;
    expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 1 });
  });

  it.each([
    ['stream', () => new Readable({ read() {} })],
    ['web stream', () => new ReadableStream()],
  ])('and is the last one ends a %s that gives nothing more [K27]', async (_kind, make) => {
    const { cache } = await newCache();
    const controller = new AbortController();
    const returned = gate();
    const producer = async () => {
      returned.open();
      return make() as Readable;
    };
    const call = cache.fetch('corpus', producer, { signal: controller.signal });
    call.catch(() => {});
    await returned.opened;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(await put(cache, 'corpus', 'words')).toMatchObject({ generation: 1 });
  });

  it('by its time-out names the key, the lock, the holder and how long it waited [G10, G11, G14]', async () => {
    const { cache, directory } = await newCache();
    const { opened, open } = gate();
    const started = gate();
    const first = cache.fetch('corpus', async ({ temp }) => {
      started.open();
      await opened;
      writeFileSync(temp, 'words');
    });
    await started.opened;
    const error: unknown = await cache.fetch('corpus', refuses, { timeout: 20 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ resource: 'corpus', holders: [{ pid: process.pid }] });
    expect(dirname((error as TimeoutError).path)).toBe(join(directory, 'locks'));
    expect((error as TimeoutError).waited).toBeGreaterThan(0);
    await expect(cache.fetch('corpus', refuses, { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
    });
    open();
    expect((await first).size).toBe(5);
  });
});

it.each<[string, (chunks: AsyncIterable<string>) => unknown]>([
  ['an iterable', (chunks) => chunks],
  ['a stream', (chunks) => Readable.from(chunks, { objectMode: false, highWaterMark: 1 })],
  ['a stream of the web', (chunks) => Readable.toWeb(Readable.from(chunks))],
])('%s of more bytes than the size is ended, and the error says both [K8]', async (_, resultOf) => {
  const { cache, layout } = await newCache();
  let most = 0;
  let isEnded = false;
  const chunks = async function* () {
    try {
      for (let count = 0; count < 1000; count++) yield 'x'.repeat(600);
    } finally {
      isEnded = true;
    }
  };
  const producer = (async () => resultOf(chunks())) as unknown as Producer;
  const onProgress = ({ done }: { readonly done: number }) => {
    most = Math.max(most, done);
  };
  const fetch = cache.fetch('corpus', producer, { size: 1000, onProgress });
  await expect(fetch).rejects.toMatchObject({ expected: '1000 bytes', got: 'more than 1000 bytes' });
  await until(() => isEnded, 'the source is ended');
  expect(most).toBeLessThanOrEqual(1000);
  expect(existsSync(layout.partialOf('corpus'))).toBe(false);
});
