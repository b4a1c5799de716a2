import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { beforeEach, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { scriptedServer, whole } from '../support/scripted-server.ts';
import { memoryDirectory } from '../support/temp.ts';

const ANN = 65_534;
const WORDS = Buffer.from('words');

beforeEach(() => needsRoot());

/** A cache of hers, with an entry, and she in another process. */
async function hers() {
  const home = join(memoryDirectory(), 'ann');
  mkdirSync(home, { mode: 0o755 });
  chownSync(home, ANN, ANN);
  const { directory } = await openCache(join(home, 'cache'));
  const ann = await Agent.start({ home, through: asUser(ANN) });
  expect(await ann.run(fetching, directory, 'there', 'words that are there')).toBe('made');
  return { directory, layout: new Layout(directory), ann };
}

/** What becomes of a fetch: its error, or that the entry was made. */
const fetching = async ({ cache }: Remote, directory: string, key: string, text: string) => {
  const opened = await cache.openCache(directory);
  const producer = text.startsWith('http')
    ? cache.download(text, { proxy: false })
    : async () => new Blob([text]).stream();
  return opened.fetch(key, producer).then(
    () => 'made',
    ({ code, message }) => `${code}: ${message}`,
  );
};

/** The directory of the contents whose digests begin as that of these. */
function shardOf({ contentOf }: { contentOf: (sha256: string) => string }, text: string): string {
  return join(contentOf(createHash('sha256').update(text).digest('hex')), '..');
}

const shut = (directory: string, at: string) =>
  `HOLDFAST_CACHE_DIRECTORY: The cache directory ${directory} cannot be written: EACCES. ${at} belongs to root. Have its owner let this user in, do this as root, or use another one.`;

it.each<[string, (layout: Layout) => string]>([
  ['the records', ({ entries }) => entries],
  ['what is unfinished', ({ partials }) => partials],
  ['what one key has unfinished', (layout) => layout.partialOf('corpus')],
  ['all locks', ({ locks }) => locks],
  ['all contents', ({ contents }) => contents],
  ['what is above them', ({ contents }) => join(contents, '..')],
  ['some contents', (layout) => shardOf({ contentOf: (digest) => layout.contentOf(digest) }, 'words')],
])(
  'a directory for %s that another user keeps to himself is named, with whose it is and what helps, by a fetch of any kind [K18, R82]',
  async (_what, directoryOf) => {
    const { directory, layout, ann } = await hers();
    const server = await scriptedServer(() => whole(WORDS));
    const foreign = directoryOf(layout);
    mkdirSync(foreign, { recursive: true });
    writeFileSync(join(foreign, 'data'), ''); // as a partial has it
    const isPassedThrough = foreign === join(layout.contents, '..');
    for (const mode of [...(isPassedThrough ? [] : [0o755]), 0o700, 0o766]) {
      chownSync(foreign, 0, 0);
      chmodSync(foreign, mode);
      for (const source of ['words', server.url]) {
        expect(await ann.run(fetching, directory, 'corpus', source), mode.toString(8)).toBe(
          shut(directory, foreign),
        );
      }
    }
    chownSync(foreign, ANN, ANN);
    chmodSync(foreign, 0o600); // she may not search it, and may change that
    const message = await ann.run(fetching, directory, 'corpus', 'words');
    // What is hers, and of one fetch, needs nobody's help.
    if (foreign === layout.partialOf('corpus')) return expect(message).toBe('made');
    expect(message).toContain(
      `Give its user access to ${foreign} again: chmod u+rwX ${foreign}, or use another one.`,
    );
    chmodSync(foreign, 0o700);
    expect(await ann.run(fetching, directory, 'corpus', 'words')).toBe('made');
  },
);

it('a directory of another user for what is put aside is named by the fetch that would put something there [K18, K22, R82]', async () => {
  const { directory, layout, ann } = await hers();
  const cache = await openCache(directory);
  const { path } = cache.peek('there') ?? { path: '' };
  chmodSync(path, 0o644);
  writeFileSync(path, 'WORDS THAT ARE THERE');
  mkdirSync(layout.bad);
  const told = await ann.run(fetching, directory, 'there', 'words that are there');
  expect(told).toBe(shut(directory, layout.bad));
  rmdirSync(layout.bad);
  expect(await ann.run(fetching, directory, 'there', 'words that are there')).toBe('made');
});

it('a deletion, too, names what another user keeps to himself; a mark that nobody can remove keeps no entry from being made [K18, R82]', async () => {
  const { directory, layout, ann } = await hers();
  const [mark, partial] = [layout.failureOf('there'), layout.partialOf('there')];
  for (const path of [mark, partial]) {
    mkdirSync(path);
    writeFileSync(join(path, 'something'), '');
  }
  const remove = ({ cache }: Remote, path: string) =>
    cache
      .openCache(path)
      .then((opened) => opened.delete('there'))
      .catch(({ code, message }) => `${code}: ${message}`);
  expect(await ann.run(remove, directory)).toBe(shut(directory, partial));
  rmSync(partial, { recursive: true });
  expect(await ann.run(remove, directory)).toBe(true);
  expect(await ann.run(fetching, directory, 'there', 'words')).toBe('made');
  expect(existsSync(mark)).toBe(true);
});

it('what a producer leaves read-only beside its temp ends no fetch that has published, and is removed by the next one [K5, K28]', async () => {
  const { directory, layout, ann } = await hers();
  const leaving = async ({ cache, fs }: Remote, path: string, isMade: boolean) => {
    const opened = await cache.openCache(path);
    const producer = async ({ temp }: { readonly temp: string }) => {
      fs.mkdirSync(`${temp}.unpacked/inner`, { recursive: true });
      fs.writeFileSync(`${temp}.unpacked/inner/file`, '');
      for (const each of ['unpacked/inner', 'unpacked']) fs.chmodSync(`${temp}.${each}`, 0o555);
      if (!isMade) throw new Error('killed');
      fs.writeFileSync(temp, 'words');
    };
    const fetched = opened.fetch('corpus', producer, { policy: 'always' });
    return fetched.then(({ size }) => size).catch(({ message }) => message);
  };
  expect(await ann.run(leaving, directory, true)).toBe(5);
  expect(existsSync(layout.partialOf('corpus'))).toBe(false);
  expect(await ann.run(leaving, directory, false)).toContain('killed');
  expect(await ann.run(leaving, directory, true)).toBe(5);
  expect(existsSync(layout.partialOf('corpus'))).toBe(false);
});
