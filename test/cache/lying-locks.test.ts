import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { statOrNothing } from '../../src/storage/fs/stat.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { within } from '../support/deadline.ts';
import { head, STALL, scriptedServer, whole } from '../support/scripted-server.ts';
import { memoryDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

const PROCESSES = 8;
const MEBIBYTE = 1024 * 1024;
/** More than what writes in flight could have skipped: another process could go on with the rest. */
const MOST = 10 * MEBIBYTE;

/** Processes to which every flock seems to succeed, and locks nothing. */
function withoutFlock(home: string, count: number): Promise<Agent[]> {
  // By seccomp-bpf, every other call runs at its full speed.
  const only = ['--seccomp-bpf', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=flock'];
  const strace = ['strace', ...only, '-e', 'inject=flock:retval=0'];
  return Promise.all(Array.from({ length: count }, () => Agent.start({ home, through: strace })));
}

const fetching = async ({ cache, fs, values, tell }: Remote, directory: string) => {
  const opened = await cache.openCache(directory);
  const make = async ({ temp }: { temp: string }) => {
    fs.writeFileSync(temp, `made by ${process.pid}`);
    tell('making');
    await new Promise<void>((resolve) => {
      values.release = resolve;
    });
  };
  const { path, joined } = await opened.fetch('corpus', make);
  return { path, joined, text: fs.readFileSync(path, 'utf8') };
};

const downloading = async ({ cache, fs }: Remote, directory: string, url: string) => {
  const opened = await cache.openCache(directory);
  const { path } = await opened.fetch('corpus', cache.download(url, { proxy: false }));
  return fs.readFileSync(path, 'utf8');
};

describe('where flock does nothing', () => {
  it(`${PROCESSES} processes make an entry once, and one that dies leaves its temp to nobody [G8, G20, K4]`, async () => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    const partials = () => readdirSync(join(directory, 'partial'));
    const agents = await withoutFlock(home, PROCESSES);
    const calls = new Map(agents.map((agent) => [agent, agent.run(fetching, directory)]));
    for (const call of calls.values()) call.catch(() => {});
    const nextMaker = (among: readonly Agent[]) =>
      Promise.race(among.map((agent) => agent.heard('making').then(() => agent)));
    const first = await nextMaker(agents);
    const [left = ''] = partials();
    expect(left).toMatch(/^corpus~[0-9a-f]{20}\.[0-9a-f]{16}$/);
    await first.kill();
    const others = agents.filter((agent) => agent !== first);
    const second = await nextMaker(others);
    expect(partials()).toHaveLength(2);
    expect(readFileSync(join(directory, 'partial', left, 'temp'), 'utf8')).toBe(`made by ${first.pid}`);
    await second.run(({ values }) => (values.release as () => void)());
    const got = await within(Promise.all(others.map((agent) => calls.get(agent))), 'the other results');
    expect(new Set(got.map((each) => each?.text))).toEqual(new Set([`made by ${second.pid}`]));
    expect(got.filter((each) => each?.joined)).toHaveLength(PROCESSES - 2);
    expect(partials()).toEqual([left]);
  });

  it('a download that a dead process has begun is not gone on with, though the server would [K4, K9]', async () => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    const body = Buffer.alloc(12_000_000, 'words ');
    const server = await scriptedServer((_request, number) =>
      number > 0
        ? whole(body, { ETag: '"one"' })
        : [head(200, { 'Content-Length': body.length, ETag: '"one"' }), body.subarray(0, MOST), STALL],
    );
    const [first, second] = (await withoutFlock(home, 2)) as [Agent, Agent];
    first.run(downloading, directory, server.url).catch(() => {});
    const written = () =>
      readdirSync(join(directory, 'partial')).map((name) =>
        statOrNothing(join(directory, 'partial', name, 'data')),
      );
    await until(
      () => written().some((stats) => (stats?.size ?? 0) >= MOST - MEBIBYTE),
      'most of it is written',
    );
    await first.kill();
    expect(await second.run(downloading, directory, server.url)).toBe(body.toString());
    expect(server.requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined]);
  });
});
