import { expect, it } from 'vitest';
import { gate } from '../support/deadline.ts';
import {
  chunk,
  HANG_UP,
  head,
  RESET,
  type Script,
  STALL,
  scriptedServer,
  whole,
} from '../support/scripted-server.ts';
import { content, Downloading, sri } from './downloading.ts';

const BODY = content(1000);
const CHUNKED = { 'Transfer-Encoding': 'chunked' };
const half = BODY.subarray(0, 500);

it.each<[string, Script]>([
  ['by length', [head(200, { 'Content-Length': 1000 }), half, HANG_UP]],
  ['by length, in HTTP/1.0', [head(200, { 'Content-Length': 1000 }, '1.0'), half, HANG_UP]],
  ['in chunks, after one', [head(200, CHUNKED), chunk(half), HANG_UP]],
  ['in chunks, within one', [head(200, CHUNKED), chunk(BODY).subarray(0, 500), HANG_UP]],
  ['in chunks, before the last line', [head(200, CHUNKED), chunk(BODY), '0\r\n', HANG_UP]],
])('refuses a body that is cut off: %s [K7]', async (_, script) => {
  const server = await scriptedServer(() => script);
  const error = await new Downloading().fails(`${server.url}/file`, { attempts: 1 });
  expect(error).toMatchObject({ code: 'HOLDFAST_INCOMPLETE', attempts: 2 });
  expect(error.message).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/file is incomplete at (495|500|1000)( of 1000)? bytes: /,
  );
  expect(error.message).toMatch(/\. Try again later, or from elsewhere\.$/);
});

it.each<[string, Script]>([
  ['by length', [head(200, { 'Content-Length': 1000 }), half]],
  ['in chunks', [head(200, CHUNKED), chunk(half)]],
])('refuses a body whose connection is reset: %s [K7]', async (_, script) => {
  const arrived = gate();
  const server = await scriptedServer([[...script, arrived.opened, RESET]]);
  const progress = () => arrived.open();
  const error = await new Downloading().fails(`${server.url}/file`, { attempts: 1 }, { progress });
  expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', status: 500 }); // the answer to the try that goes on
  expect(server.requests).toHaveLength(2);
});

const open = (version?: string): Script => [head(200, {}, version), BODY, HANG_UP];

it.each<[string, Script]>([
  [
    'Content-Range: "bytes 0-999/1000", and 500 bytes',
    [head(200, { 'Content-Range': 'bytes 0-999/1000', 'Content-Length': 500 }), half],
  ],
  [
    'Content-Range: "bytes 0-499/1000"',
    [head(200, { 'Content-Range': 'bytes 0-499/1000', 'Content-Length': 500 }), half],
  ],
  [
    'Content-Range: "bytes */500"',
    [head(200, { 'Content-Range': 'bytes */500', 'Content-Length': 500 }), half],
  ],
  [
    'Transfer-Encoding: "gzip, chunked"',
    [head(200, { 'Transfer-Encoding': 'gzip, chunked' }), chunk(half), chunk('')],
  ],
  [
    'Transfer-Encoding: "gzip, chunked"',
    [head(200, { 'Transfer-Encoding': ['gzip', 'chunked'] }), chunk(half), chunk('')],
  ],
])('refuses a whole that comes with %s, and says so [K7, K8]', async (sent, script) => {
  const server = await scriptedServer(() => script);
  const error = await new Downloading().fails(`${server.url}/file`);
  expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD' });
  expect(error.message).toContain(sent);
});

it('takes a Content-Range of the whole for its length [K7, K8]', async () => {
  const range = { 'Content-Range': 'bytes 0-999/1000', ...CHUNKED };
  const right = [head(200, range), chunk(BODY), chunk('')];
  const server = await scriptedServer([[head(200, range), chunk(half), chunk('')], right]);
  expect((await new Downloading().fetch(`${server.url}/file`)).bytes).toEqual(BODY);
});

it('refuses a part whose bytes are in an encoding of transfer [K8, K9]', async () => {
  const start: Script = [head(200, { 'Content-Length': 1000, ETag: '"one"' }), half, HANG_UP];
  const range = { 'Content-Range': 'bytes 500-999/1000', ETag: '"one"' };
  const rest = [head(206, { ...range, 'Transfer-Encoding': 'gzip, chunked' }), chunk(half), chunk('')];
  const server = await scriptedServer([start, rest]);
  const error = await new Downloading().fails(`${server.url}/file`);
  expect(error.message).toContain('Transfer-Encoding: "gzip, chunked"');
});

it('is not misled by an encoding of transfer behind the chunks, which only the end of the connection ends [K7]', async () => {
  const server = await scriptedServer([
    [head(200, { 'Transfer-Encoding': 'chunked, identity' }), half, HANG_UP],
  ]);
  const error = await new Downloading().fails(`${server.url}/file`);
  expect(error.message).toContain('does not say where it ends');
});

it.each(['1.1', '1.0'])(
  'refuses a body that only the end of the connection ends, in HTTP/%s [K7]',
  async (version) => {
    const server = await scriptedServer([open(version)]);
    const error = await new Downloading().fails(`${server.url}/file`);
    expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', attempts: 1 });
    expect(error.message).toContain(
      'Give integrity (--integrity) or size, or accept the risk with allowUnverified.',
    );
  },
);

it.each([
  ['an integrity', { integrity: sri(BODY) }],
  ['a size', { size: 1000 }],
  ['the caller’s word', { allowUnverified: true }],
])('takes a body that only the end of the connection ends with %s [K7]', async (_, options) => {
  const server = await scriptedServer([open()]);
  expect((await new Downloading().fetch(`${server.url}/file`, options)).bytes).toEqual(BODY);
});

it('finds out by its size that such a body was reset [K7]', async () => {
  const arrived = gate();
  const server = await scriptedServer([[head(200), half, arrived.opened, RESET], open()]);
  const progress = () => arrived.open();
  const { bytes } = await new Downloading().fetch(`${server.url}/file`, { size: 1000 }, { progress });
  expect(bytes).toEqual(BODY);
});

it('takes no more than the announced bytes [K8]', async () => {
  const server = await scriptedServer([[head(200, { 'Content-Length': 500 }), BODY, HANG_UP]]);
  expect((await new Downloading().fetch(`${server.url}/file`)).bytes).toEqual(half);
});

it.each<[string, Script]>([
  ['two lengths', [head(200, { 'Content-Length': ['1000', '500'] }), BODY]],
  ['a length and chunks', [head(200, { 'Content-Length': 1000, ...CHUNKED }), chunk(BODY), chunk('')]],
  ['a length that is none', [head(200, { 'Content-Length': '1e3' }), BODY]],
])('refuses an answer with %s [K8]', async (_, script) => {
  const server = await scriptedServer([script, script, script]);
  const error = await new Downloading().fails(`${server.url}/file`, { attempts: 2 });
  expect(error).toMatchObject({ code: expect.stringMatching(/^HOLDFAST_(DOWNLOAD|INCOMPLETE)$/) });
});

it('refuses a part that is longer than its range [K8]', async () => {
  const etag = { ETag: '"one"' };
  const long = [
    head(206, { 'Content-Range': 'bytes 500-999/1000', ...etag, ...CHUNKED }),
    chunk(Buffer.concat([BODY.subarray(500), half])),
    chunk(''),
  ];
  const server = await scriptedServer([
    [head(200, { 'Content-Length': 1000, ...etag }), half, HANG_UP],
    long,
    whole(BODY, etag),
  ]);
  const error = await new Downloading().fails(`${server.url}/file`, { attempts: 1 });
  expect(error.message).toContain('more came than was announced');
});

it('refuses what is announced as more than maxBytes before it comes, and else as soon as it is more [K8]', async () => {
  const server = await scriptedServer([whole(BODY), [head(200, CHUNKED), chunk(BODY), chunk('')]]);
  for (const _ of ['announced', 'chunked']) {
    const downloading = new Downloading();
    const error = await downloading.fails(`${server.url}/file`, { maxBytes: 999 });
    expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD' });
    expect(error.message).toContain('more than 999 bytes');
    expect((await downloading.open()).offset).toBe(0);
  }
});

it('refuses an announced length that is not the expected size, after a second look [K8]', async () => {
  const server = await scriptedServer([whole(BODY), whole(BODY), whole(BODY)]);
  const error = await new Downloading().fails(`${server.url}/file`, { size: 999 });
  expect(error).toMatchObject({ code: 'HOLDFAST_INTEGRITY', expected: '999 bytes', got: '1000 bytes' });
  expect(server.requests).toHaveLength(2);
});

it.each([
  ['given to it', { size: 999 }, {}],
  ['given to the cache', {}, { size: 999 }],
])(
  'ends a body that has no end once more than the size came that was %s [K8]',
  async (_, options, context) => {
    const server = await scriptedServer(() => [head(200, CHUNKED), chunk(BODY), STALL]);
    const downloading = new Downloading();
    const error = await downloading.fails(`${server.url}/file`, options, context);
    expect(error).toMatchObject({
      code: 'HOLDFAST_INTEGRITY',
      expected: '999 bytes',
      got: 'more than 999 bytes',
    });
    expect(server.requests).toHaveLength(2);
    expect((await downloading.open()).offset).toBe(0);
  },
);

it('says that it can be gone on with, where it can [K7]', async () => {
  const server = await scriptedServer(({ headers }) =>
    headers.range === undefined
      ? [head(200, { 'Content-Length': 1000, ETag: '"one"' }), half, HANG_UP]
      : [HANG_UP],
  );
  const error = await new Downloading().fails(`${server.url}/file`);
  expect(error).toMatchObject({ code: 'HOLDFAST_INCOMPLETE', got: 500, expected: 1000, attempts: 6 });
  expect(error.message).toMatch(
    / is incomplete at 500 of 1000 bytes: .* Run it again to go on from there\.$/,
  );
});

it('takes an empty file [K7]', async () => {
  const server = await scriptedServer([whole(Buffer.alloc(0))]);
  expect((await new Downloading().fetch(`${server.url}/file`)).size).toBe(0);
});
