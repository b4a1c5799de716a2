import { FetchFailedError } from 'holdfast';
import { type Cache, type DownloadOptions, download, type FetchOptions, type Producer } from 'holdfast/cache';
import { expect, it } from 'vitest';
import { HANG_UP, head, type Script, STALL, scriptedServer, whole } from '../support/scripted-server.ts';
import { making, newCache } from './support.ts';

const WORDS = Buffer.from('words');
const OTHER_INTEGRITY = `sha256-${Buffer.alloc(32).toString('base64')}`;
/** Nothing listens there. */
const DEAD = 'http://127.0.0.1:1';
const EMPTY = { 'Content-Length': 0 };

/** Calls for one key, made in one breath: all but the first wait. What becomes of each, in a word. */
function together(cache: Cache, calls: readonly (readonly [Producer, FetchOptions?])[]): Promise<string[]> {
  return Promise.all(
    calls.map(([producer, options]) =>
      cache.fetch('corpus', producer, options).then(
        ({ joined }) => (joined ? 'joins' : 'makes'),
        (error) => (error instanceof FetchFailedError ? 'shares the failure' : 'fails'),
      ),
    ),
  );
}

const downloading = (url: string, terms: DownloadOptions) =>
  [download(url, { proxy: false, attempts: 1, ...terms })] as const;

it.each<[string, DownloadOptions, DownloadOptions, Script?]>([
  ['without credentials', {}, { headers: { authorization: 'right' } }, [head(401, EMPTY)]],
  ['of a limit', { maxBytes: 4 }, {}],
  ['of a media type', { accept: 'application/zip' }, {}],
  ['of an integrity', { integrity: OTHER_INTEGRITY }, {}],
  ['of a size', { size: 6 }, {}],
  ['without an end', {}, { allowUnverified: true }, [head(200), WORDS, HANG_UP]],
  ['that is decoded', { decode: true }, {}, whole(WORDS, { 'Content-Encoding': 'gzip' })],
  ['through a dead proxy', { proxy: DEAD }, {}],
  ['with fewer attempts', {}, { attempts: 2 }, [head(503, EMPTY)]],
  ['with less patience', { stallTimeout: 20 }, {}, [head(200, { 'Content-Length': 5 }), STALL]],
])(
  'the failure of a download %s is shared by those alone who download on the same terms [G2, K16]',
  async (_what, terms, other, answer) => {
    const { cache } = await newCache();
    const server = await scriptedServer((_request, number) => {
      const isForOther = number > 0 && other.allowUnverified === undefined;
      return isForOther ? whole(WORDS) : (answer ?? whole(WORDS));
    });
    const calls = [terms, { ...terms }, other].map((each) => downloading(server.url, each));
    expect(await together(cache, calls)).toEqual(['fails', 'shares the failure', 'makes']);
  },
);

it('the failure of one address is not that of another one, nor of a producer that downloads nothing [G2, K16]', async () => {
  const { cache } = await newCache();
  const server = await scriptedServer(({ target }) =>
    target === '/there' ? whole(WORDS) : [head(404, EMPTY)],
  );
  const gone = downloading(`${server.url}/gone`, {});
  expect(await together(cache, [gone, gone, downloading(`${server.url}/there`, {})])).toEqual([
    'fails',
    'shares the failure',
    'makes',
  ]);
  await cache.delete('corpus');
  expect(await together(cache, [gone, [making('words')]])).toEqual(['fails', 'makes']);
  await cache.delete('corpus');
  const broken: Producer = () => Promise.reject(new Error('no answer'));
  expect(await together(cache, [[broken], downloading(`${server.url}/there`, {})])).toEqual([
    'fails',
    'makes',
  ]);
});

it('of calls on two terms that both fail, each shares the failure of its own, in any order [G2, K16]', async () => {
  const { cache } = await newCache();
  const server = await scriptedServer(() => [head(403, EMPTY)]);
  const as = (user: string) => downloading(server.url, { headers: { cookie: user, accept: '*/*' } });
  // The same headers, in another order.
  const like = (user: string) => downloading(server.url, { headers: { accept: '*/*', cookie: user } });
  const ends = await together(cache, [as('one'), as('other'), like('one'), like('other'), as('one')]);
  expect(ends).toEqual(['fails', 'fails', ...Array(3).fill('shares the failure')]);
  expect(server.requests).toHaveLength(2);
});

it('a size for which there is no space is no failure of who names none [G2, K17]', async () => {
  const { cache } = await newCache();
  const stream: Producer = async () => new Blob(['words']).stream();
  const huge = { size: Number.MAX_SAFE_INTEGER };
  expect(await together(cache, [[stream, huge], [stream, huge], [stream]])).toEqual([
    'fails',
    'shares the failure',
    'makes',
  ]);
});

/** As the system, Node.js or a library gives it. */
function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

it.each<[string, unknown]>([
  ['has no descriptors left', coded('EMFILE')],
  ['is on a machine without descriptors', coded('ENFILE')],
  ['has no memory left', coded('ENOMEM')],
  ['may not start another thread', coded('EAGAIN')],
  ['was not given a permission', coded('ERR_ACCESS_DENIED')],
  ['was aborted by a signal of its own', AbortSignal.abort().reason],
  ['had its command ended by a signal', Object.assign(new Error('Command failed'), { signal: 'SIGTERM' })],
  ['could not take a lock', coded('HOLDFAST_EXHAUSTED')],
  ['says so by a cause', coded('HOLDFAST_DOWNLOAD', coded('EMFILE'))],
  ['says so by one of several', new AggregateError([new Error('no answer'), coded('EMFILE')])],
])('a failure of a process that %s is shared with nobody [G2]', async (_what, thrown) => {
  const { cache } = await newCache();
  const failing: Producer = () => Promise.reject(thrown);
  expect(await together(cache, [[failing], [making('words')]])).toEqual(['fails', 'makes']);
});

it.each<[string, unknown]>([
  ['an answer', coded('HOLDFAST_DOWNLOAD')],
  ['a host that refuses', coded('ECONNREFUSED')],
  ['a file that is missing', coded('ENOENT')],
  ['a deadline', new DOMException('It took too long', 'TimeoutError')],
  ['a cause that is its own', selfCaused()],
])('a failure by %s is shared with all who waited here [G2, K16]', async (_what, thrown) => {
  const { cache } = await newCache();
  const failing: Producer = () => Promise.reject(thrown);
  expect(await together(cache, [[failing], [making('words')]])).toEqual(['fails', 'shares the failure']);
});

function selfCaused(): Error {
  const error = new Error('no answer');
  return Object.assign(error, { cause: error });
}
