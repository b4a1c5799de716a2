import { expect, it } from 'vitest';
import {
  HANG_UP,
  head,
  type Request,
  type Script,
  scriptedServer,
  startOf,
  whole,
} from '../support/scripted-server.ts';
import { content, Downloading, sri } from './downloading.ts';

const BODY = content(1000);
const OTHER = content(1000);
const ETAG = '"one"';
const FIRST = 400;

/** The first answer breaks off after 400 bytes. */
const broken = (headers: Record<string, string | number> = { ETag: ETAG }, body = BODY): Script => [
  head(200, { 'Content-Length': body.length, ...headers }),
  body.subarray(0, FIRST),
  HANG_UP,
];
const part = (body: Uint8Array, start: number, headers: Record<string, string | number> = {}): Script => [
  head(206, {
    'Content-Length': body.length - start,
    'Content-Range': `bytes ${start}-${body.length - 1}/${body.length}`,
    ETag: ETAG,
    ...headers,
  }),
  body.subarray(start),
];
const empty = (status: number, headers: Record<string, string | number> = {}): Script => [
  head(status, { 'Content-Length': 0, ...headers }),
];
const ranges = (requests: readonly Request[]) => requests.map(({ headers }) => headers.range);

it('goes on with If-Range where a connection broke off, and appends what fits exactly [K9]', async () => {
  const server = await scriptedServer([broken(), part(BODY, FIRST)]);
  const downloading = new Downloading();
  const { bytes, digests } = await downloading.fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
  expect(sri(BODY)).toBe(`sha256-${Buffer.from(digests.sha256, 'hex').toString('base64')}`);
  expect(server.requests[1]?.headers).toMatchObject({
    range: 'bytes=400-',
    'if-range': ETAG,
    'accept-encoding': 'identity',
  });
  expect(downloading.progress.at(-1)).toEqual([1000, 1000]);
});

it('goes on in a later process, and hashes again what was there [K9]', async () => {
  const server = await scriptedServer([broken(), empty(404), part(BODY, FIRST)]);
  const downloading = new Downloading();
  await downloading.fails(`${server.url}/file`);
  const { bytes, digests } = await downloading.fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
  expect(Buffer.from(digests.sha256, 'hex').toString('base64')).toBe(sri(BODY).slice(7));
});

it.each<[string, Script]>([
  ['starts before what is there', part(BODY, 300)],
  ['starts behind what is there', part(BODY, 500)],
  ['does not say which part it is', [head(206, { 'Content-Length': 600, ETag: ETAG }), BODY.subarray(400)]],
  ['says it in a garbled way', part(BODY, FIRST, { 'Content-Range': 'bytes 400-/1000' })],
  ['says that it ends before it starts', part(BODY, FIRST, { 'Content-Range': 'bytes 400-399/1000' })],
  ['says another length than that of its body', part(BODY, FIRST, { 'Content-Range': 'bytes 400-899/1000' })],
  ['has several parts', part(BODY, FIRST, { 'Content-Type': 'multipart/byteranges; boundary=x' })],
  ['is of another total', part(BODY, FIRST, { 'Content-Range': 'bytes 400-999/1001' })],
  ['has another ETag', part(OTHER, FIRST, { ETag: '"two"' })],
  ['is encoded, and what is there is not', part(BODY, FIRST, { 'Content-Encoding': 'gzip' })],
])('drops what is there and asks for the whole when a 206 %s [K9]', async (_, answer) => {
  const server = await scriptedServer([broken(), answer, whole(BODY, { ETag: ETAG })]);
  const downloading = new Downloading();
  const { bytes } = await downloading.fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
  expect(ranges(server.requests)).toEqual([undefined, 'bytes=400-', undefined]);
  expect(downloading.clock.pauses).toHaveLength(1);
  expect(downloading.progress).toContainEqual([0, undefined]);
});

it('takes a 200 to a range for the whole, from the first byte on [K9, K10]', async () => {
  const server = await scriptedServer([broken(), whole(OTHER, { ETag: '"two"' })]);
  const downloading = new Downloading();
  const { bytes, outcome } = await downloading.fetch(`${server.url}/file`);
  expect(bytes).toEqual(OTHER);
  expect(outcome).toMatchObject({ validators: { etag: '"two"' } });
  expect(downloading.progress).toContainEqual([0, 1000]);
});

it('asks for the whole when a part does not say of which version it is [K9, K10]', async () => {
  const nameless = [
    head(206, { 'Content-Length': 600, 'Content-Range': 'bytes 400-999/1000' }),
    OTHER.subarray(400),
  ];
  const server = await scriptedServer([broken(), nameless, whole(OTHER, { ETag: '"two"' })]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(OTHER);
});

it('asks for the whole when a 200 has a Content-Range of a part [K9]', async () => {
  const odd = [
    head(200, { 'Content-Length': 600, 'Content-Range': 'bytes 400-999/1000' }),
    BODY.subarray(400),
  ];
  const server = await scriptedServer([broken(), odd, whole(BODY)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
  expect(ranges(server.requests)).toEqual([undefined, 'bytes=400-', undefined]);
});

const source = (url: string) => ({ url, validators: { etag: ETAG }, total: 1000 });

it('takes what is there when a 416 says that this is all [K9]', async () => {
  const server = await scriptedServer([
    broken({ ETag: ETAG }),
    empty(404),
    empty(416, { 'Content-Range': 'bytes */400' }),
  ]);
  const downloading = new Downloading();
  await downloading.fails(`${server.url}/file`);
  const partial = await downloading.open();
  const { total: _, ...state } = partial.state ?? source('');
  await partial.begin(state);
  await partial.close();
  const { bytes } = await downloading.fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY.subarray(0, FIRST));
});

it.each<[string, Script]>([
  ['is of another total', empty(416, { 'Content-Range': 'bytes */399' })],
  ['does not say the total', empty(416)],
  ['has another ETag', empty(416, { 'Content-Range': 'bytes */400', ETag: '"two"' })],
])('asks for the whole when a 416 %s [K9]', async (_, answer) => {
  const server = await scriptedServer([broken(), answer, whole(OTHER)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(OTHER);
  expect(ranges(server.requests)).toEqual([undefined, 'bytes=400-', undefined]);
});

it('fails when a request for the whole is answered with 416 as well [K9]', async () => {
  const server = await scriptedServer([broken(), empty(416), empty(416)]);
  const error = await new Downloading().fails(`${server.url}/file`);
  expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', status: 416, attempts: 3 });
});

it.each([304, 412])('asks for the whole when a range is answered with %i [K9, K31]', async (status) => {
  const server = await scriptedServer([broken(), empty(status), whole(BODY)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
  expect(ranges(server.requests)).toEqual([undefined, 'bytes=400-', undefined]);
});

it.each([204, 205, 202, 300, 301])('fails at a %i without content or aim [K9]', async (status) => {
  const server = await scriptedServer([empty(status)]);
  const error = await new Downloading().fails(`${server.url}/file`);
  expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', status, attempts: 1 });
});

it('writes nothing of the body of an error [K9]', async () => {
  const failure = [head(503, { 'Content-Length': 5 }), 'sorry'];
  const server = await scriptedServer([broken(), failure, part(BODY, FIRST)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
});

it('goes on asking where a server sends less than the rest [K9]', async () => {
  const short = [
    head(206, { 'Content-Length': 100, 'Content-Range': 'bytes 400-499/1000', ETag: ETAG }),
    BODY.subarray(400, 500),
  ];
  const server = await scriptedServer([broken(), short, part(BODY, 500)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
});

it.each<[string, Record<string, string>]>([
  ['a weak ETag', { ETag: 'W/"one"' }],
  ['no validator', {}],
  [
    'a date of change that is too fresh',
    { 'Last-Modified': 'Mon, 30 Nov 2026 11:59:30 GMT', Date: 'Mon, 30 Nov 2026 12:00:00 GMT' },
  ],
  ['a date of change, and none of the answer', { 'Last-Modified': 'Mon, 30 Nov 2026 11:59:30 GMT' }],
])('starts over where there is %s [K9, K10]', async (_, headers) => {
  const server = await scriptedServer([broken(headers), whole(OTHER, headers)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(OTHER);
  expect(ranges(server.requests)).toEqual([undefined, undefined]);
});

it('goes on by a date of change that is a minute old [K9]', async () => {
  const headers = { 'Last-Modified': 'Mon, 30 Nov 2026 11:59:00 GMT', Date: 'Mon, 30 Nov 2026 12:00:00 GMT' };
  const server = await scriptedServer([broken(headers), part(BODY, FIRST, headers)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`);
  expect(bytes).toEqual(BODY);
  expect(server.requests[1]?.headers['if-range']).toBe('Mon, 30 Nov 2026 11:59:00 GMT');
});

it('goes on without a validator where an integrity will tell [K9]', async () => {
  const server = await scriptedServer([broken({}), part(BODY, FIRST)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`, { integrity: sri(BODY) });
  expect(bytes).toEqual(BODY);
  expect(server.requests[1]?.headers).toMatchObject({ range: 'bytes=400-' });
  expect(server.requests[1]?.headers).not.toHaveProperty('if-range');
});

it('starts over, once, when bytes that were gone on with do not match [K10]', async () => {
  const server = await scriptedServer([broken({}, OTHER), part(BODY, FIRST), whole(BODY)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`, { integrity: sri(BODY) });
  expect(bytes).toEqual(BODY);
  expect(ranges(server.requests)).toEqual([undefined, 'bytes=400-', undefined]);
});

it('takes what is there without a request where it is whole and an integrity says that it is right [K9]', async () => {
  const server = await scriptedServer([]);
  const downloading = new Downloading();
  await downloading.leave(BODY, { url: server.url, validators: {}, total: 1000 });
  const { bytes } = await downloading.fetch(server.url, { integrity: sri(BODY) });
  expect(bytes).toEqual(BODY);
  expect(server.requests).toEqual([]);
});

it('starts over where more is there than the whole has [K9]', async () => {
  const server = await scriptedServer([whole(BODY)]);
  const downloading = new Downloading();
  await downloading.leave(content(1001), { url: server.url, validators: { etag: ETAG }, total: 1000 });
  const { bytes } = await downloading.fetch(server.url, { integrity: sri(BODY) });
  expect(bytes).toEqual(BODY);
  expect(ranges(server.requests)).toEqual([undefined]);
});

it('goes on with nothing of another address, though its ETag is the same [K10]', async () => {
  const server = await scriptedServer([broken(), empty(404), whole(OTHER, { ETag: ETAG })]);
  const downloading = new Downloading();
  const { bytes } = await downloading.fetch([`${server.url}/one?v=1`, `${server.url}/one?v=2`]);
  expect(bytes).toEqual(OTHER);
  expect(ranges(server.requests)).toEqual([undefined, 'bytes=400-', undefined]);
});

it('appends nothing from a host that it was not redirected to before [K10, K12]', async () => {
  const second = await scriptedServer([part(OTHER, FIRST), whole(OTHER, { ETag: ETAG })]);
  const first = await scriptedServer([broken()]);
  const entry = await scriptedServer((_, number) => [
    head(302, { Location: `${(number === 0 ? first : second).url}/file`, 'Content-Length': 0 }),
  ]);
  const { bytes } = await new Downloading().fetch(`${entry.url}/file`);
  expect(bytes).toEqual(OTHER);
});

it('takes bytes of two servers for a version of neither, though they name it alike, once an integrity has joined them [K10, K16]', async () => {
  const [first, second] = [
    await scriptedServer([broken()]),
    await scriptedServer([
      [...part(OTHER, FIRST).slice(0, 1), OTHER.subarray(FIRST, 500), HANG_UP],
      empty(404),
      whole(OTHER, { ETag: ETAG }),
    ]),
  ];
  const downloading = new Downloading();
  const joined = { integrity: sri(BODY), attempts: 1 };
  await downloading.fails(`${first.url}/file`, joined);
  await downloading.fails(`${second.url}/file`, joined);
  const { bytes } = await downloading.fetch(`${second.url}/file`);
  expect(bytes).toEqual(OTHER);
  expect(ranges(second.requests)).toEqual(['bytes=400-', 'bytes=500-', undefined]);
});

it('tells no validator of a content that it had from two servers [K10, K16]', async () => {
  const first = await scriptedServer([broken()]);
  const second = await scriptedServer([part(BODY, FIRST)]);
  const downloading = new Downloading();
  const joined = { integrity: sri(BODY), attempts: 1 };
  await downloading.fails(`${first.url}/file`, joined);
  const { bytes, outcome } = await downloading.fetch(`${second.url}/file`, joined);
  expect(bytes).toEqual(BODY);
  expect(outcome).toMatchObject({ validators: { source: expect.any(String) } });
  expect(outcome).not.toHaveProperty('validators.etag');
});

const GZIP = { ETag: ETAG, 'Content-Encoding': 'gzip' };

it.each<[string, Record<string, string>]>([
  ['is not', {}],
  ['is in another way', { 'Content-Encoding': 'br' }],
  ['is twice', { 'Content-Encoding': 'gzip, br' }],
])(
  'appends no part that %s encoded where what is there is, also in a later process [K10, K11]',
  async (_, headers) => {
    const server = await scriptedServer([
      broken(GZIP),
      empty(404),
      part(OTHER, FIRST, headers),
      whole(OTHER, { ETag: ETAG }),
    ]);
    const downloading = new Downloading();
    await downloading.fails(`${server.url}/file`);
    expect((await downloading.fetch(`${server.url}/file`)).bytes).toEqual(OTHER);
    expect(ranges(server.requests).slice(2)).toEqual(['bytes=400-', undefined]);
  },
);

it('goes on in the encoding that what is there has [K9, K11]', async () => {
  const server = await scriptedServer([broken(GZIP), part(BODY, FIRST, { 'Content-Encoding': 'GZIP' })]);
  expect((await new Downloading().fetch(`${server.url}/file`)).bytes).toEqual(BODY);
});

const AMAZON = '&X-Amz-Date=20261130T120000Z&X-Amz-Signature=';
const AZURE = '&sv=2026-01-01&se=2026-11-30&sig=';
const CLOUDFRONT = '&Key-Pair-Id=K1&Expires=1&Signature=';

/** Redirects each request to the next of these queries, and answers there by the number of the request. */
const redirecting = (queries: readonly string[], answers: readonly Script[]) => {
  let redirected = 0;
  let answered = 0;
  return scriptedServer(({ target }) =>
    target === '/latest'
      ? [head(302, { Location: `/blob?${queries[redirected++]}`, 'Content-Length': 0 })]
      : (answers[answered++] ?? empty(500)),
  );
};

it.each([
  ['id=1', 'id=2'],
  [`id=1${AMAZON}a`, `id=2${AMAZON}a`],
  ['id=1&sig=a', 'id=1&sig=b'],
])(
  'appends nothing from where a redirect leads with another query, from %s to %s [K10, K12]',
  async (before, now) => {
    const part2 = part(OTHER, FIRST);
    const server = await redirecting([before, now, now], [broken(), part2, whole(OTHER, { ETag: ETAG })]);
    expect((await new Downloading().fetch(`${server.url}/latest`)).bytes).toEqual(OTHER);
  },
);

it('takes what is there for all only where that is said by where it came from [K9, K10]', async () => {
  const end = empty(416, { 'Content-Range': 'bytes */400', ETag: ETAG });
  const server = await redirecting(
    ['id=1', 'id=1', 'id=2', 'id=2'],
    [broken(), empty(404), end, whole(OTHER, { ETag: ETAG })],
  );
  const downloading = new Downloading();
  await downloading.fails(`${server.url}/latest`);
  const partial = await downloading.open();
  const { total: _, ...state } = partial.state ?? source('');
  await partial.begin(state);
  await partial.close();
  expect((await downloading.fetch(`${server.url}/latest`)).bytes).toEqual(OTHER);
});

it.each([
  ['id=1', 'id=1'],
  [`id=1${AMAZON}a`, `id=1${AMAZON}b`],
  [`id=1${AZURE}a`, `id=1${AZURE}b`],
  [`id=1${CLOUDFRONT}a`, `id=1${CLOUDFRONT}b`],
])(
  'goes on where a redirect leads to the same place, though it is signed anew: from %s to %s [K9]',
  async (before, now) => {
    const server = await redirecting([before, now], [broken(), part(BODY, FIRST)]);
    const downloading = new Downloading();
    expect((await downloading.fetch(`${server.url}/latest`)).bytes).toEqual(BODY);
    const state = JSON.stringify((await downloading.open()).state);
    expect(state).not.toMatch(/Amz|sig|Signature|id=1/);
  },
);

it('has no end of its tries while each of them brings something new [K9, K15]', async () => {
  const server = await scriptedServer((request, number) => {
    const start = startOf(request);
    const answer = start === 0 ? whole(BODY, { ETag: ETAG }) : part(BODY, start);
    return number < 9 ? [answer[0] ?? '', BODY.subarray(start, start + 100), HANG_UP] : answer;
  });
  const downloading = new Downloading();
  const { bytes } = await downloading.fetch(`${server.url}/file`, { attempts: 1 });
  expect(bytes).toEqual(BODY);
  expect(server.requests).toHaveLength(10);
});
