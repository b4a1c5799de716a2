import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FetchOptions } from 'holdfast/cache';
import { openCache } from 'holdfast/cache';
import { beforeAll, describe, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { memoryDirectory, tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { refuses } from './support.ts';

/** `HOLDFAST_CACHE_ROUNDS=200 npm run test:unit -- test/cache/processes.test.ts` is the long run. */
const ROUNDS = Number(process.env.HOLDFAST_CACHE_ROUNDS ?? 3);
const PROCESSES = 16;

beforeAll(() => {
  if (!Number.isInteger(ROUNDS) || ROUNDS < 1)
    throw new Error('HOLDFAST_CACHE_ROUNDS must be a whole number');
});

/** What an agent tells of an entry. */
interface Got {
  readonly path: string;
  readonly generation: number;
  readonly joined: boolean;
  readonly fromCache: boolean;
  /** What was read at the path, or at the mirror. */
  readonly text: string;
}

/** Fetches; each production leaves a line in a file. A key that begins with `held` is made when the process is told. */
const fetching = async (
  { cache, fs, values, tell }: Remote,
  directory: string,
  key: string,
  file: string,
  options: FetchOptions,
): Promise<Got> => {
  const opened = await cache.openCache(directory);
  const entry = await opened.fetch(
    key,
    async ({ temp, signal }) => {
      fs.appendFileSync(file, `${process.pid}\n`);
      fs.writeFileSync(temp, `made by ${process.pid}`);
      if (key.startsWith('held')) {
        tell(`making ${key}`);
        await new Promise<void>((resolve, reject) => {
          values.release = resolve;
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      }
      if (key.startsWith('held failing')) throw new Error('no answer');
    },
    options,
  );
  const { path, generation, joined, fromCache } = entry;
  return { path, generation, joined, fromCache, text: fs.readFileSync(entry.mirror ?? path, 'utf8') };
};

const release = ({ values }: Remote) => (values.release as () => void)();

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}

/** All but one wait for the lock of the key. */
async function untilWaiting(directory: string, key: string, count: number): Promise<void> {
  const { LockManager } = await import('holdfast');
  const locks = new LockManager();
  const target = new Layout(directory).lockOf(key);
  await until(() => locks.inspect(target).waiters.length >= count, `${count} processes wait`);
}

function makerOf(agents: readonly Agent[], key: string): Promise<Agent> {
  return Promise.race(agents.map((agent) => agent.heard(`making ${key}`).then(() => agent)));
}

describe.each(['if-missing', 'always'] as const)(`${PROCESSES} processes under %s`, (policy) => {
  it(`make an entry once for all who wait, and get one path, in ${ROUNDS} rounds [G1, G2, G18]`, {
    timeout: 3_600_000,
  }, async () => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    const agents: Agent[] = await Agent.several(home, PROCESSES);
    for (let round = 0; round < ROUNDS; round++) {
      const key = `held ${round}`;
      const file = join(home, `made-${round}`);
      const calls = agents.map((agent, at) =>
        agent.run(fetching, directory, key, file, { policy, mirror: join(home, `mirrors/${round}-${at}`) }),
      );
      for (const call of calls) call.catch(() => {});
      const maker = await makerOf(agents, key);
      await untilWaiting(directory, key, PROCESSES - 1);
      await maker.run(release);
      const got = await within(Promise.all(calls), 'all results');
      expect(linesOf(file)).toEqual([String(maker.pid)]);
      expect(new Set(got.map(({ path }) => path)).size).toBe(1);
      expect(new Set(got.map(({ text }) => text))).toEqual(new Set([`made by ${maker.pid}`]));
      expect(got.filter(({ joined }) => joined)).toHaveLength(PROCESSES - 1);
    }
  });

  it(`make it once more when the maker is killed -9 in the middle, and leave nothing of it, in ${ROUNDS} rounds [K5]`, {
    timeout: 3_600_000,
  }, async () => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    const agents: Agent[] = await Agent.several(home, 5);
    for (let round = 0; round < ROUNDS; round++) {
      const key = `held ${round}`;
      const file = join(home, `made-${round}`);
      const calls = new Map(
        agents.map((agent) => [agent, agent.run(fetching, directory, key, file, { policy })]),
      );
      for (const call of calls.values()) call.catch(() => {});
      const maker = await makerOf(agents, key);
      await untilWaiting(directory, key, agents.length - 1);
      await maker.kill();
      agents.splice(agents.indexOf(maker), 1);
      const second = await makerOf(agents, key);
      await second.run(release);
      const got = await within(Promise.all(agents.map((agent) => calls.get(agent))), 'the other results');
      expect(linesOf(file)).toEqual([String(maker.pid), String(second.pid)]);
      expect(new Set(got.map((each) => each?.path)).size).toBe(1);
      expect(readdirSync(join(directory, 'partial'))).toEqual([]);
      agents.push(await Agent.start({ home }));
    }
  });
});

describe('processes that wait through a flight', () => {
  it('share its failure, and one of them makes no further try; the next call does [G2, K16]', async () => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    const agents = await Agent.several(home, 4);
    const file = join(home, 'made');
    const calls = agents.map((agent) => agent.run(fetching, directory, 'held failing', file, {}));
    for (const call of calls) call.catch(() => {});
    const maker = await makerOf(agents, 'held failing');
    await untilWaiting(directory, 'held failing', 3);
    await maker.run(release);
    const ends = await Promise.allSettled(calls);
    const codes = ends.map((end) =>
      end.status === 'rejected' ? (end.reason as { code?: string }).code : 'none',
    );
    expect(codes.filter((code) => code === 'HOLDFAST_FETCH_FAILED')).toHaveLength(3);
    expect(linesOf(file)).toHaveLength(1);
  });

  it('get the result of the next one when the maker ends its call [K27]', async () => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    const [maker, other, third] = await Agent.several(home, 3);
    const aborted = maker.run(async ({ cache, values, tell }, directory) => {
      const controller = new AbortController();
      values.abort = () => controller.abort(new Error('enough'));
      const opened = await cache.openCache(directory);
      const wait = () => {
        tell('making held');
        return new Promise<never>((_resolve, reject) => {
          controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
        });
      };
      await opened.fetch('held', wait, { signal: controller.signal });
    }, directory);
    aborted.catch(() => {});
    await maker.heard('making held');
    const file = join(home, 'made');
    const calls = [other, third].map((agent) => agent.run(fetching, directory, 'held', file, {}));
    await untilWaiting(directory, 'held', 2);
    await maker.run(({ values }) => (values.abort as () => void)());
    await expect(aborted).rejects.toThrow('enough');
    const next = await makerOf([other, third], 'held');
    await next.run(release);
    const got = await within(Promise.all(calls), 'the results of the others');
    expect(got.map(({ joined }) => joined).sort()).toEqual([false, true]);
    expect(linesOf(file)).toHaveLength(1);
  });
});

it('two keys with one content, published at once while others prune and verify again and again, are both whole [K2, K3]', {
  timeout: 3_600_000,
}, async () => {
  const home = memoryDirectory();
  const directory = join(home, 'cache');
  await openCache(directory);
  const [a, b, pruner, verifier] = await Agent.several(home, 4);
  const publishing = async ({ cache, fs }: Remote, directory: string, key: string, part: number) => {
    const opened = await cache.openCache(directory, { graceMs: 0 });
    for (let round = 0; round < 10; round++) {
      const wanted = `text ${part}-${round}`;
      const make = async ({ temp }: { temp: string }) => fs.writeFileSync(temp, wanted);
      const text = await opened.use(key, make, { policy: 'always' }, ({ path }) =>
        fs.readFileSync(path, 'utf8'),
      );
      if (text !== wanted) throw new Error(`got ${text} instead of ${wanted}`);
    }
    return true;
  };
  const pruning = async ({ cache, values }: Remote, directory: string) => {
    const opened = await cache.openCache(directory, { graceMs: 0 });
    const loop = async () => {
      let rounds = 0;
      for (; values.over !== true; rounds++) {
        await opened.prune({ maxBytes: 0 });
        await new Promise((resolve) => setImmediate(resolve));
      }
      return rounds;
    };
    values.loop = loop();
  };
  const verifying = async ({ cache, values }: Remote, directory: string) => {
    const opened = await cache.openCache(directory);
    const loop = async () => {
      const bad: unknown[] = [];
      while (values.over !== true) {
        bad.push(...(await opened.verify({ parallel: 1 })).bad);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return bad;
    };
    values.loop = loop();
  };
  const ended = (agent: Agent) =>
    agent.run(({ values }) => {
      values.over = true;
      return values.loop;
    });
  await Promise.all([pruner.run(pruning, directory), verifier.run(verifying, directory)]);
  for (let part = 0; part < ROUNDS; part++) {
    const both = [a, b].map((agent, at) => agent.run(publishing, directory, `key ${at}`, part));
    expect(await Promise.all(both)).toEqual([true, true]);
  }
  expect(await ended(pruner)).toBeGreaterThan(0);
  expect(await ended(verifier)).toEqual([]);
});

it('processes on the portable engine make an entry once too, each with a temp of its own [G8, K4]', async () => {
  const home = memoryDirectory();
  const directory = join(home, 'cache');
  await openCache(directory);
  const env = { HOLDFAST_ENGINE: 'portable' };
  const agents = await Promise.all(Array.from({ length: 4 }, () => Agent.start({ home, env })));
  const file = join(home, 'made');
  const calls = agents.map((agent) => agent.run(fetching, directory, 'held', file, {}));
  for (const call of calls) call.catch(() => {});
  const maker = await makerOf(agents, 'held');
  const [temp] = readdirSync(join(directory, 'partial'));
  expect(temp).toMatch(/^held~[0-9a-f]{20}\.[0-9a-f]{16}$/);
  await maker.run(release);
  const got = await within(Promise.all(calls), 'all results');
  expect(linesOf(file)).toHaveLength(1);
  expect(new Set(got.map(({ path }) => path)).size).toBe(1);
  expect(readdirSync(join(directory, 'partial'))).toEqual([]);
});

it('what is in use on the portable engine, where readers leave nothing at the lock itself, is left alone by a prune [G8, K2]', async () => {
  const home = memoryDirectory();
  const directory = join(home, 'cache');
  await openCache(directory);
  const env = { HOLDFAST_ENGINE: 'portable' };
  const [user, pruner] = await Promise.all([Agent.start({ home, env }), Agent.start({ home, env })]);
  const using = user.run(async ({ cache, fs, values, tell }, directory) => {
    const opened = await cache.openCache(directory);
    const make = async ({ temp }: { temp: string }) => fs.writeFileSync(temp, 'words');
    return opened.use('corpus', make, {}, async ({ path }) => {
      tell('using it');
      await new Promise<void>((resolve) => {
        values.release = resolve;
      });
      return fs.readFileSync(path, 'utf8');
    });
  }, directory);
  using.catch(() => {});
  await user.heard('using it');
  const pruning = async ({ cache }: Remote, directory: string) => {
    const opened = await cache.openCache(directory, { graceMs: 0 });
    return opened.prune({ maxBytes: 0 });
  };
  expect(await pruner.run(pruning, directory)).toMatchObject({ entries: 0, contents: 0 });
  await user.run(release);
  expect(await using).toBe('words');
  expect(await pruner.run(pruning, directory)).toMatchObject({ entries: 1, contents: 1 });
});

describe('two users', () => {
  const USERS = [64_001, 64_002] as const;

  const start = (home: string, uid: number, groups: readonly number[]) =>
    Agent.start({ home, through: asUser(uid, groups) });

  it.each(['2770', '3770'])(
    'of one group share a cache of mode %s: either serves, refreshes and prunes what the other made [K19]',
    async (mode) => {
      const home = tempDirectory();
      const { chmodSync, chownSync, mkdirSync } = await import('node:fs');
      const directory = join(home, 'cache');
      mkdirSync(directory);
      chownSync(directory, 0, 64_100);
      chmodSync(directory, Number.parseInt(mode, 8));
      const mirrors = join(home, 'mirrors');
      mkdirSync(mirrors);
      chmodSync(mirrors, 0o777);
      const [a, b] = await Promise.all(USERS.map((uid) => start(home, uid, [64_100])));
      const file = join(mirrors, 'made');
      const making = async (
        { cache, fs }: Remote,
        directory: string,
        key: string,
        policy: 'always' | 'if-missing',
        mirror: string,
      ) => {
        process.umask(0o077);
        const opened = await cache.openCache(directory);
        const make = async ({ temp }: { temp: string }) => fs.writeFileSync(temp, `by ${process.getuid?.()}`);
        const { path, fromCache, mirroredBy } = await opened.fetch(key, make, { policy, mirror });
        return { fromCache, mirroredBy, text: fs.readFileSync(path, 'utf8') };
      };
      expect(await a?.run(making, directory, 'corpus', 'if-missing', `${file}-a`)).toMatchObject({
        fromCache: false,
      });
      expect(await b?.run(making, directory, 'corpus', 'if-missing', `${file}-b`)).toMatchObject({
        fromCache: true,
        text: 'by 64001',
      });
      expect(await b?.run(making, directory, 'corpus', 'always', `${file}-b`)).toMatchObject({
        text: 'by 64002',
      });
      expect(await a?.run(making, directory, 'corpus', 'if-missing', `${file}-a`)).toMatchObject({
        text: 'by 64002',
      });
      const gone = await a?.run(async ({ cache }, directory) => {
        const opened = await cache.openCache(directory, { graceMs: 0 });
        return opened.prune({ maxBytes: 0 });
      }, directory);
      expect(gone).toMatchObject({ entries: 1 });
    },
  );

  it('are kept apart by a private cache: one who may only read it is served, and one who may not is told [K18, K19]', async () => {
    const home = tempDirectory();
    const { chmodSync, chownSync, mkdirSync } = await import('node:fs');
    const directory = join(home, 'cache');
    mkdirSync(directory, { mode: 0o755 });
    chownSync(directory, USERS[0], USERS[0]);
    const [a, b] = await Promise.all(USERS.map((uid) => start(home, uid, [])));
    const file = '/dev/null';
    await a?.run(fetching, directory, 'corpus', file, {});
    expect(await b?.run(fetching, directory, 'corpus', file, {})).toMatchObject({ fromCache: true });
    await expect(b?.run(fetching, directory, 'other', file, {})).rejects.toMatchObject({
      code: 'HOLDFAST_CACHE_DIRECTORY',
    });
    chmodSync(directory, 0o700);
    await expect(b?.run(fetching, directory, 'corpus', file, {})).rejects.toMatchObject({
      code: 'HOLDFAST_CACHE_DIRECTORY',
    });
  });
});

it('a cache that is copied is served after one look at the bytes, and nothing is fetched [K25]', async () => {
  const home = tempDirectory();
  const original = await openCache(join(home, 'cache'));
  const { put } = await import('./support.ts');
  const { path } = await put(original, 'corpus', 'words');
  const { cpSync } = await import('node:fs');
  cpSync(join(home, 'cache'), join(home, 'copy'), { recursive: true });
  const copy = await openCache(join(home, 'copy'));
  const entry = await copy.fetch('corpus', refuses);
  expect(entry).toMatchObject({ fromCache: true, generation: 1 });
  expect(entry.path).not.toBe(path);
  expect(await copy.fetch('corpus', refuses)).toMatchObject({ path: entry.path });
});
