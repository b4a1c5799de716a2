import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { head, STALL, scriptedServer, startOf, whole } from '../support/scripted-server.ts';
import { BODY, Fetching, PART, SIZE, server } from './fetching.ts';

const SHOWN = '\u001b[?25h';

describe('a fetch that gets a signal', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'dies of %s, has released its lock, says how to go on, and goes on there [K32]',
    async (signal) => {
      const fetching = new Fetching();
      const { url, gate, requests } = await server();
      const child = fetching.start(url);
      await child.says(/4[0-2] %/, 'stderr');
      const ending = await child.kill(signal);
      expect(ending).toMatchObject({ code: null, signal, stdout: '' });
      expect(ending.stderr).toMatch(/: interrupted; run again to go on at (3\d|4[0-2]) %\n$/);
      gate.open();
      expect(await fetching.run('--timeout', '0', url)).toMatchObject({ code: 0 });
      expect(startOf(requests[1] as (typeof requests)[0])).toBeGreaterThan(300_000);
    },
  );

  it('by Ctrl-C on a terminal gives the cursor back, below what it says [K32]', async () => {
    const fetching = new Fetching();
    const { url } = await server();
    const child = fetching.onTerminal([`${url}/corpus`]);
    await child.says(/42 %/);
    child.write('\u0003');
    const { stdout, code } = await child.exits();
    expect(code).not.toBe(0);
    expect(stdout.slice(stdout.lastIndexOf(SHOWN))).toMatch(
      /^\S*holdfast: \S+\/corpus: interrupted; run again to go on at 4\d %\r\n$/,
    );
  });

  it('says that it starts again from the beginning where the server names no version', async () => {
    const fetching = new Fetching();
    const { url } = await scriptedServer([
      [head(200, { 'Content-Length': SIZE }), BODY.subarray(0, PART), STALL],
    ]);
    const child = fetching.start(url);
    await child.says(/4[0-2] %/, 'stderr');
    expect((await child.kill('SIGINT')).stderr).toMatch(
      /interrupted; run again to fetch it from its beginning: the server does not say which version it has\n$/,
    );
  });

  it('tells it as JSON with --json [K32]', async () => {
    const fetching = new Fetching();
    const { url } = await server();
    const child = fetching.start('--json', url);
    await child.says(/"done":4/, 'stderr');
    const { signal, stderr } = await child.kill('SIGTERM');
    expect(signal).toBe('SIGTERM');
    const last = JSON.parse(stderr.trimEnd().split('\n').at(-1) as string);
    expect(last).toMatchObject({ event: 'interrupted', url: `${url}/`, total: SIZE });
  });

  it('while it waits for another leaves that one alone, and says so', async () => {
    const fetching = new Fetching();
    const { url, gate } = await server();
    const first = fetching.start(url);
    await first.says(/4\d %/, 'stderr');
    const second = fetching.start(url);
    await second.says(/waiting for pid/, 'stderr');
    const ending = await second.kill('SIGINT');
    expect(ending).toMatchObject({ signal: 'SIGINT', stdout: '' });
    expect(ending.stderr).toMatch(
      new RegExp(`interrupted while waiting for pid ${first.pid}, \\d+ %, which goes on\n$`),
    );
    gate.open();
    expect(await first.exits()).toMatchObject({ code: 0 });
  });

  it('keeps what it has fetched, prints it, and begins nothing more', async () => {
    const fetching = new Fetching();
    const { url, requests } = await scriptedServer(({ target }) =>
      target === '/a' ? whole(Buffer.from('words')) : [head(200, { 'Content-Length': SIZE }), 'x', STALL],
    );
    const child = fetching.start('--jobs', '1', `${url}/a`, `${url}/b`, `${url}/c`);
    await child.says(/\/b: fetching/, 'stderr');
    const { signal, stdout } = await child.kill('SIGINT');
    expect(signal).toBe('SIGINT');
    expect(stdout).toMatch(/^\/\S+\n$/);
    expect(requests.filter(({ target }) => target === '/c')).toEqual([]);
  });

  it('a second time ends at once, whatever it still has to put away [K32]', async () => {
    const fetching = new Fetching();
    const { url } = await server();
    // Never puts anything away: the lock of the entry is never released.
    const stuck = join(fetching.cli.home, 'stuck.cjs');
    writeFileSync(
      stuck,
      `const fs = require('node:fs');
       const { open } = fs.promises;
       fs.promises.open = async (path, ...rest) => {
         const file = await open(path, ...rest);
         if (String(path).endsWith('/data')) file.close = () => new Promise(() => setInterval(() => {}, 1000));
         return file;
       };`,
    );
    const env = { NODE_OPTIONS: `--require=${stuck}` };
    const child = fetching.onTerminal([`${url}/corpus`], { env });
    await child.says(/42 %/);
    child.write('\u0003');
    await child.says(/\[\?25h/);
    child.write('\u0003');
    const { stdout } = await child.exits();
    expect(stdout).not.toContain('interrupted');
  });
});
