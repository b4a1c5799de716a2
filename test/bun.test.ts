import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Agent, type Remote } from './support/agent.ts';
import { Child, fixture } from './support/child.ts';
import { newPlace } from './support/place.ts';
import { tempDirectory } from './support/temp.ts';

/** Set by `npm run test:bun`, which provides it. */
const bun = process.env.HOLDFAST_TEST_BUN ?? '';
const main = join(fileURLToPath(new URL('..', import.meta.url)), 'dist/cli/main.js');

describe.skipIf(bun === '')('under Bun', () => {
  it('a process waits for a lock of another, gets it by its release and by its death, and gives it back [X32]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home, runtime: bun });
    expect(await agent.run(() => process.versions.bun)).toMatch(/^1\./);
    const lock = await locks.acquire('mirror');

    await agent.wait('mirror', { timeout: 120_000 });
    await lock.release();
    expect(await agent.granted()).toMatchObject({ recovered: false, degraded: [] });
    const waiting = locks.acquire('mirror', { timeout: 120_000 });
    await agent.kill();

    const next = await waiting;
    expect([next.contract, next.recovered]).toEqual(['kernel', true]);
    await next.release();
  });

  it('two processes run a piece of work once [X32]', async () => {
    const { home } = newPlace();
    const agents = await Promise.all([1, 2].map(() => Agent.start({ home, runtime: bun })));

    const results = await Promise.all(
      agents.map((agent) =>
        agent.run(async ({ once, env }) => {
          let runs = 0;
          const value = await once(
            'work',
            async () => {
              runs++;
              return env.HOLDFAST_HOME;
            },
            { ttl: 600_000 },
          );
          return { value, runs };
        }),
      ),
    );

    expect(results.map(({ value }) => value)).toEqual([home, home]);
    expect(results.reduce((sum, { runs }) => sum + runs, 0)).toBe(1);
  });

  it('holdfast run waits for a lock, and its exit code is that of its command [X32]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');
    const waiter = new Child(bun, [main, 'run', 'mirror', '--', 'sh', '-c', 'exit 3'], {
      env: { HOLDFAST_HOME: home },
    });
    await waiter.says(/waiting for mirror/, 'stderr');

    await holder.release();

    expect((await waiter.exits()).code).toBe(3);
  });

  it('a process downloads into a cache, and another one is served from it [X32, G3]', async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests++;
      response.writeHead(200, { etag: '"1"' }).end('words');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const home = tempDirectory();
    const fetching = async ({ cache }: Remote, directory: string, url: string) => {
      const opened = await cache.openCache(directory);
      const { size, fromCache } = await opened.fetch('corpus', cache.download(url, { proxy: false }));
      return { size, fromCache };
    };

    for (const fromCache of [false, true]) {
      const agent = await Agent.start({ home, runtime: bun });
      expect(await agent.run(fetching, join(home, 'cache'), url)).toEqual({ size: 5, fromCache });
    }
    expect(requests).toBe(1);
  });

  it('the process lives on when a worker is terminated at its first lock [X32]', async () => {
    const child = new Child(bun, [fixture('terminated-threads.mjs'), tempDirectory()]);

    for (let count = 1; count <= 20; count++) await child.line(`terminated ${count}`);
    expect(await child.exits()).toMatchObject({ code: 0, signal: null });
  });
});
