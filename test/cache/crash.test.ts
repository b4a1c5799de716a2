import { cpSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Child, fixture } from '../support/child.ts';
import { memoryDirectory } from '../support/temp.ts';
import { making, put, refuses } from './support.ts';

/** The calls that change something; `HOLDFAST_CACHE_SWEEP=all` adds those that mostly look. */
const CALLS =
  'mkdir,mkdirat rename,renameat,renameat2 link,linkat unlink,unlinkat rmdir fsync chmod,fchmod utimensat pwrite64,pwritev,writev ftruncate'.split(
    ' ',
  );
const LOOKING = 'openat write close fstat read,pread64 flock statx'.split(' ');
const AT_ONCE = 3;
const MOST_CALLS = 400;
const [OLD, NEW] = ['the old text', 'the new text'];

type Work = 'temp' | 'stream' | 'prune' | 'delete';

interface Place {
  readonly directory: string;
  readonly mirror: string;
}

/** A cache with an old entry, its mirror, and litter, to be copied for each victim. */
async function template(): Promise<string> {
  const home = memoryDirectory();
  const cache = await openCache(join(home, 'cache'));
  await cache.fetch('corpus', making(OLD), { mirror: join(home, 'mirrors/corpus'), mirrorMode: 'copy' });
  await put(cache, 'other', 'another text');
  utimesSync(new Layout(cache.directory).recordOf('corpus'), 1, 1);
  utimesSync(new Layout(cache.directory).recordOf('other'), 1, 1);
  return home;
}

/** Whether the victim was killed at its n-th call of a kind; false when it has none. */
async function isKilled(work: Work, { directory, mirror }: Place, call: string, n: number): Promise<boolean> {
  const victim = new Child(process.execPath, [fixture('cache-victim.mjs'), work, directory, mirror], {
    env: { UV_THREADPOOL_SIZE: '1' },
  });
  await victim.line('ready');
  const trace = ['-f', '-p', String(victim.pid), '-o', '/dev/null', '-e', `trace=${call}`];
  const tracer = new Child('strace', [...trace, '-e', `inject=${call}:signal=SIGKILL:when=${n}`]);
  await tracer.says(/attached/, 'stderr');
  victim.say('');
  const { signal, stdout, stderr } = await victim.exits();
  await tracer.exits();
  if (signal === 'SIGKILL') return true;
  expect([stdout, stderr]).toEqual([expect.stringContaining('done'), '']);
  return false;
}

/** Old or new or nothing, never anything else; and the next fetch leaves nothing of the dead process. */
async function expectRecovery(work: Work, { directory, mirror }: Place, where: string): Promise<void> {
  const cache = await openCache(directory);
  const entry = cache.peek('corpus');
  const mayBeGone = work === 'prune' || work === 'delete';
  if (entry === undefined) expect(mayBeGone, where).toBe(true);
  else expect([OLD, NEW], where).toContain(readFileSync(entry.path, 'utf8'));
  expect([OLD, NEW], where).toContain(readFileSync(mirror, 'utf8'));
  expect((await cache.verify()).bad, where).toEqual([]);
  const options = { policy: 'always', mirror, timeout: 120_000 } as const;
  const next = await cache.fetch('corpus', making(NEW), options);
  expect(readFileSync(next.path, 'utf8'), where).toBe(NEW);
  expect(readFileSync(mirror, 'utf8'), where).toBe(NEW);
  expect(readdirSync(join(mirror, '..')), where).toEqual(['corpus']);
  expect(readdirSync(join(directory, 'partial')), where).toEqual([]);
  expect(
    readdirSync(join(directory, 'entries')).every((name) => name.endsWith('.json')),
    where,
  ).toBe(true);
  await cache.prune();
  expect(await cache.fetch('corpus', refuses), where).toMatchObject({ path: next.path });
}

async function sweep(work: Work): Promise<number> {
  const from = await template();
  const kinds = process.env.HOLDFAST_CACHE_SWEEP === 'all' ? [...CALLS, ...LOOKING] : [...CALLS];
  let killed = 0;
  const lane = async () => {
    for (let call = kinds.shift(); call !== undefined; call = kinds.shift()) {
      for (let n = 1; n < MOST_CALLS; n++) {
        const home = memoryDirectory();
        cpSync(from, home, { recursive: true, preserveTimestamps: true });
        const place = { directory: join(home, 'cache'), mirror: join(home, 'mirrors/corpus') };
        const was = await isKilled(work, place, call, n);
        await expectRecovery(work, place, `a kill at ${call} ${n}: ${was}`);
        if (!was) break;
        killed++;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return killed;
}

describe('a process that is killed at any call that changes the cache', () => {
  it.each([
    ['temp', 15],
    ['stream', 15],
    ['prune', 3],
    ['delete', 4],
  ] as const)(
    'while it works by %s leaves the old entry, the new one or a miss, and the next fetch leaves nothing of it [K5, H16]',
    {
      timeout: 3_600_000,
    },
    async (work, least) => {
      expect(await sweep(work)).toBeGreaterThan(least);
    },
  );
});

describe('after a power loss', () => {
  /** The states between two syncs: what has a name may be there, or not, or without its bytes. */
  it.each([
    ['the content without its bytes', (content: string) => writeFileSync(content, '')],
    ['the content with as many NULs', (content: string) => writeFileSync(content, Buffer.alloc(NEW.length))],
  ])('%s is a miss, and heals [K6]', async (_what, lose) => {
    const home = memoryDirectory();
    const cache = await openCache(join(home, 'cache'));
    const { path } = await put(cache, 'corpus', NEW);
    lose(path);
    const entry = await cache.fetch('corpus', making(NEW));
    expect(entry.fromCache).toBe(false);
    expect(readFileSync(entry.path, 'utf8')).toBe(NEW);
  });

  it.each(['', 'x', '{"format":1', '\0'.repeat(400)])(
    'a record that is torn to %j is a miss [K6]',
    async (torn) => {
      const home = memoryDirectory();
      const cache = await openCache(join(home, 'cache'));
      await put(cache, 'corpus', NEW);
      writeFileSync(new Layout(cache.directory).recordOf('corpus'), torn);
      expect(cache.peek('corpus')).toBeUndefined();
      expect(await cache.fetch('corpus', making(NEW))).toMatchObject({ fromCache: false });
      expect(existsSync(new Layout(cache.directory).partialOf('corpus'))).toBe(false);
    },
  );
});
