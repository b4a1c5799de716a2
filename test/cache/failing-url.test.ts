import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { openCache } from 'holdfast/cache';
import { expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { within } from '../support/deadline.ts';
import { head, scriptedServer } from '../support/scripted-server.ts';
import { memoryDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

const PROCESSES = 16;
const ATTEMPTS = 2;

const downloading = async ({ cache }: Remote, directory: string, url: string, attempts: number) => {
  const opened = await cache.openCache(directory);
  try {
    await opened.fetch('corpus', cache.download(url, { proxy: false, attempts }));
    return 'an entry';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

it.each([
  ['404', 1],
  ['503', ATTEMPTS],
] as const)(
  `${PROCESSES} processes that wait for a URL that answers %s make %i request(s) in all, and a later one as many again [K16, G2]`,
  async (status, requests) => {
    const home = memoryDirectory();
    const directory = join(home, 'cache');
    await openCache(directory);
    let answer = () => {};
    const allWait = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const server = await scriptedServer(() => [allWait, head(status, { 'Content-Length': 0 })]);
    const agents: Agent[] = await Agent.several(home, PROCESSES);
    const call = (agent: Agent) => agent.run(downloading, directory, server.url, ATTEMPTS);
    const calls = agents.map(call);
    const locks = new LockManager();
    const target = new Layout(directory).lockOf('corpus');
    await until(() => locks.inspect(target).waiters.length === PROCESSES - 1, 'all others wait');
    answer();
    const codes = await within(Promise.all(calls), 'all failures');
    expect(server.requests).toHaveLength(requests);
    expect(codes.filter((code) => code === 'HOLDFAST_FETCH_FAILED')).toHaveLength(PROCESSES - 1);
    expect(await call(agents[0] as Agent)).toBe(codes.find((code) => code !== 'HOLDFAST_FETCH_FAILED'));
    expect(server.requests).toHaveLength(2 * requests);
  },
);
