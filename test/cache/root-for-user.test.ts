import { chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { download, openCache } from 'holdfast/cache';
import { beforeEach, expect, it } from 'vitest';
import { Agent, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { HANG_UP, head, scriptedServer } from '../support/scripted-server.ts';
import { memoryDirectory } from '../support/temp.ts';
import { fetchText } from './remote.ts';
import { making, put } from './support.ts';

const ANN = 65_534;

beforeEach(() => needsRoot());

/** A directory of another user, in which root makes a cache. */
async function hers() {
  const home = join(memoryDirectory(), 'ann');
  mkdirSync(home, { mode: 0o755 });
  chownSync(home, ANN, ANN);
  const directory = join(home, 'cache');
  return { home, directory, cache: await openCache(directory, { graceMs: 0 }) };
}

/** A server whose first answer breaks off, and which has nothing to say after that. */
function cutOff() {
  const words = Buffer.alloc(1000, 'words ');
  return scriptedServer([
    [head(200, { 'Content-Length': words.length, ETag: '"1"' }), words.subarray(0, 400), HANG_UP],
    [head(404, { 'Content-Length': 0 })],
  ]);
}

/** What lies in a directory and is not hers. */
function notHers(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const { uid, gid } = lstatSync(join(directory, name));
    return uid !== ANN || gid !== ANN;
  });
}

it('all that root makes in a cache of another user is hers, whether it ended well or not, and she goes on with it [X36]', async () => {
  const { home, directory, cache } = await hers();
  await put(cache, 'corpus', 'words');
  await put(cache, 'corpus', 'new words');
  await cache.fetch('stream', async () => new Blob(['words']).stream());
  await cache.fetch('bad', () => Promise.reject(new Error('no'))).catch(() => {});
  const server = await cutOff();
  await cache.fetch('cut', download(server.url, { proxy: false, attempts: 1 })).catch(() => {});
  expect(readdirSync(directory, { recursive: true })).toContainEqual(
    expect.stringMatching(/cut.*state\.json$/),
  );

  expect(notHers(home)).toEqual([]);
  const ann = await Agent.start({ home: directory, through: asUser(ANN) });
  expect(await ann.run(fetchText, directory, 'stream')).toMatchObject({ fromCache: true, text: 'words' });
  expect(await ann.run(keep, directory)).toEqual({ bad: [], failed: [], left: 0 });
});

it('root goes on with a partial that it has made in a cache of another user [X36]', async () => {
  const { cache } = await hers();
  const server = await cutOff();
  const producer = download(server.url, { proxy: false, attempts: 1 });
  for (const _ of [1, 2]) await cache.fetch('cut', producer).catch(() => {});
  expect(server.requests.map(({ headers }) => headers.range)).toEqual([
    undefined,
    'bytes=400-',
    'bytes=400-',
  ]);
});

it('root does not link its mirror to a content that another user can write, unless it is asked to [X36, G6]', async () => {
  const { cache } = await hers();
  const mirror = join(memoryDirectory(), 'mirror');
  const options = { mirror };
  expect(await cache.fetch('corpus', making('words'), options)).toMatchObject({ mirroredBy: 'copy' });
  expect(lstatSync(mirror).uid).toBe(0);
  expect(await cache.fetch('corpus', making('words'), { mirror, mirrorMode: 'link' })).toMatchObject({
    mirroredBy: 'link',
  });
});

const keep = async ({ cache }: Remote, directory: string) => {
  const opened = await cache.openCache(directory, { graceMs: 0 });
  const { bad } = await opened.verify();
  const { failed } = await opened.prune({ maxBytes: 0, maxAge: 0 });
  const { entries } = await opened.statistics();
  return { bad, failed, left: entries.count };
};
