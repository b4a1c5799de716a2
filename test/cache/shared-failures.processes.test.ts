import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { openCache } from 'holdfast/cache';
import { expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Agent, type AgentOptions, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { gate, within } from '../support/deadline.ts';
import { needsRoot } from '../support/root.ts';
import { scriptedServer, whole } from '../support/scripted-server.ts';
import { memoryDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

const ANN = 65_534;
const WORDS = Buffer.from('words');
const CERTIFICATE = new URL('../fixtures/tls/cert.pem', import.meta.url).pathname;

const fetching = async ({ cache }: Remote, directory: string, url: string) => {
  const opened = await cache.openCache(directory);
  return opened.fetch('corpus', cache.download(url, { attempts: 1 })).then(
    ({ joined }) => (joined ? 'joins' : 'makes'),
    (error) => (error as { code?: string }).code,
  );
};

/** The same with a file that the producer reads, or names. */
const reading = async ({ cache, fs }: Remote, directory: string, how: 'reads' | 'returns') => {
  const opened = await cache.openCache(directory);
  const path = '/etc/shadow';
  const producer = async () => (how === 'reads' ? new Blob([fs.readFileSync(path)]).stream() : path);
  return opened.fetch('corpus', producer).then(
    ({ joined }) => (joined ? 'joins' : 'makes'),
    (error) => (error as { code?: string }).code,
  );
};

/** Two processes on one cache, started differently. `waits`: until so many calls wait for the key. */
async function pair(options: Omit<AgentOptions, 'home'>, others: Omit<AgentOptions, 'home'> = {}) {
  const home = memoryDirectory();
  const directory = join(home, 'cache');
  mkdirSync(directory, { mode: 0o755 });
  if (options.through?.includes('setpriv')) chownSync(directory, ANN, ANN);
  await openCache(directory);
  const [first, other] = await Promise.all([
    Agent.start({ home, ...options }),
    Agent.start({ home, ...others }),
  ]);
  const locks = new LockManager();
  const target = new Layout(directory).lockOf('corpus');
  const waits = (count = 1) => until(() => locks.inspect(target).waiters.length === count, `${count} wait`);
  return { home, directory, first, other, locks, target, waits };
}

it('a process that runs out of descriptors does not share that with one that has some [G2]', async () => {
  const { directory, first, other, waits } = await pair({ through: ['prlimit', '--nofile=200'] });
  const { opened, open } = gate();
  const server = await scriptedServer(() => [opened, whole(WORDS)].flat());
  const fails = first.run(fetching, directory, server.url);
  await until(() => server.requests.length === 1, 'it asks');
  const joins = other.run(fetching, directory, server.url);
  await waits();
  await first.run(({ fs }: Remote) => {
    try {
      for (;;) fs.openSync('/dev/null', 'r');
    } catch {
      // None is left.
    }
  });
  open();
  expect(await within(fails, 'the failure')).toBe('EMFILE');
  expect(await within(joins, 'a fetch of its own')).toBe('makes');
  expect(server.requests).toHaveLength(2);
});

it.each<[string, NodeJS.ProcessEnv, NodeJS.ProcessEnv]>([
  ['a proxy that is dead', { https_proxy: 'http://127.0.0.1:1' }, { NODE_EXTRA_CA_CERTS: CERTIFICATE }],
  ['no certificate of the host', {}, { NODE_EXTRA_CA_CERTS: CERTIFICATE }],
])(
  'a failure of a process whose environment has %s is not shared with another one [G2, K14]',
  async (_what, env, others) => {
    const { directory, first, other, locks, target, waits } = await pair({ env }, { env: others });
    const [key, cert] = [readFileSync(CERTIFICATE.replace('cert.pem', 'key.pem')), readFileSync(CERTIFICATE)];
    const server = await scriptedServer(() => whole(WORDS), { key, cert });
    const held = await locks.acquire(target); // no request tells that the first one is at it
    const fails = first.run(fetching, directory, server.url);
    await waits();
    const joins = other.run(fetching, directory, server.url);
    await waits(2);
    await held.release();
    expect(await within(fails, 'the failure')).toBe('HOLDFAST_DOWNLOAD');
    expect(await within(joins, 'a fetch of its own')).toBe('makes');
  },
);

it.each([
  ['reads', 'EACCES'],
  ['returns', 'HOLDFAST_PRODUCER'],
] as const)(
  'a file that the producer %s, and that one user may not read, is a failure of that user alone [G2]',
  async (how, code) => {
    needsRoot();
    const { home, directory, first, other, locks, target, waits } = await pair({ through: asUser(ANN) });
    const again = await Agent.start({ home, through: asUser(ANN) });
    const held = await locks.acquire(target);
    const calls: Promise<unknown>[] = [];
    for (const agent of [first, again, other]) {
      calls.push(agent.run(reading, directory, how));
      await waits(calls.length);
    }
    await held.release();
    expect(await within(Promise.all(calls), 'all calls')).toEqual([code, 'HOLDFAST_FETCH_FAILED', 'makes']);
  },
);
