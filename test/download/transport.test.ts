import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { gate } from '../support/deadline.ts';
import {
  HANG_UP,
  head,
  RESET,
  type Script,
  STALL,
  scriptedServer,
  startOf,
  whole,
} from '../support/scripted-server.ts';
import { content, Downloading } from './downloading.ts';

const BODY = content(1000);
const ETAG = { ETag: '"one"' };
const TLS = {
  key: readFileSync(new URL('../fixtures/tls/key.pem', import.meta.url)),
  cert: readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url)),
};
const ca = TLS.cert.toString();
const rest = (start: number): Script => [
  head(206, { 'Content-Length': 1000 - start, 'Content-Range': `bytes ${start}-999/1000`, ...ETAG }),
  BODY.subarray(start),
];
const refuse = (status: number, headers: Record<string, string | number> = {}): Script => [
  head(status, { 'Content-Length': 0, ...headers }),
];

/** So many tries that a machine too busy to answer in time does no harm. */
const PATIENT = { stallTimeout: 100, attempts: 1000 };

it('gives up a server that says nothing, and asks again [K15]', async () => {
  const server = await scriptedServer((_, number) => (number === 0 ? [STALL] : whole(BODY)));
  const { bytes } = await new Downloading().fetch(server.url, PATIENT);
  expect(bytes).toEqual(BODY);
});

it('goes on where a body has stalled [K15]', async () => {
  const server = await scriptedServer((request) => {
    const start = startOf(request);
    if (start > 0) return rest(start);
    return [head(200, { 'Content-Length': 1000, ...ETAG }), BODY.subarray(0, 300), STALL];
  });
  const { bytes } = await new Downloading().fetch(server.url, PATIENT);
  expect(bytes).toEqual(BODY);
  expect(server.requests.at(-1)?.headers.range).toBe('bytes=300-');
});

it('names the time that nothing came when a server always stalls [K15]', async () => {
  const server = await scriptedServer(() => [STALL]);
  const error = await new Downloading().fails(server.url, { stallTimeout: 20, attempts: 2 });
  expect(error.message).toContain(
    'nothing came for 20ms (2 requests). Try again later, or allow more time (stallTimeout).',
  );
});

it('gives up a connection that is not made in time [K15]', async () => {
  const silent = await scriptedServer(() => []); // takes the connection and never begins with TLS
  const error = await new Downloading().fails(silent.url.replace('http:', 'https:'), {
    connectTimeout: 50,
    attempts: 1,
  });
  expect(error.message).toContain('the connection failed (UND_ERR_CONNECT_TIMEOUT)');
});

it('ends with the reason of the signal, wherever it is [K15]', async () => {
  const asked = gate();
  const server = await scriptedServer((request) => {
    asked.open();
    return request.target === '/head'
      ? [STALL]
      : [head(200, { 'Content-Length': 1000 }), BODY.subarray(0, 9), STALL];
  });
  for (const path of ['head', 'body']) {
    const aborter = new AbortController();
    const downloading = new Downloading();
    const progress = () => path === 'body' && aborter.abort(new Error('enough'));
    const failed = downloading.fails(`${server.url}/${path}`, {}, { signal: aborter.signal, progress });
    await asked.opened;
    if (path === 'head') aborter.abort(new Error('enough'));
    expect((await failed).message).toBe('enough');
  }
});

it('asks again after errors that pass, with full jitter that doubles [K16]', async () => {
  const statuses = [408, 425, 429, 500, 502, 503, 504];
  const server = await scriptedServer([...statuses.map((status) => refuse(status)), whole(BODY)]);
  const downloading = new Downloading();
  await downloading.fetch(server.url, { attempts: 10 });
  expect(downloading.clock.pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000]);
});

it('asks no server again before it wants to be asked, in seconds or by a date [K16]', async () => {
  const server = await scriptedServer([
    refuse(503, { 'Retry-After': 7 }),
    refuse(429, { 'Retry-After': 'Mon, 30 Nov 2026 12:01:00 GMT' }),
    refuse(503, { 'Retry-After': 'Mon, 30 Nov 2026 11:00:00 GMT' }),
    whole(BODY),
  ]);
  const downloading = new Downloading();
  await downloading.fetch(server.url);
  expect(downloading.clock.pauses).toEqual([7000, 60_000, 1000]);
});

it('gives up, and says so, where a server wants no request for more than five minutes [K16]', async () => {
  const server = await scriptedServer([refuse(503, { 'Retry-After': 301 })]);
  const error = await new Downloading().fails(server.url);
  expect(error).toMatchObject({ status: 503, attempts: 1 });
  expect(error.message).toContain('It wants no other request for 5m 1s: try again then.');
});

it('asks as often as attempts say, and no more [K16]', async () => {
  const server = await scriptedServer(() => refuse(503));
  const error = await new Downloading().fails(server.url, { attempts: 3 });
  expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', status: 503, attempts: 3 });
  expect(server.requests).toHaveLength(3);
});

it.each([400, 401, 403, 404, 410, 451, 501])('asks once where the answer is %i [K16]', async (status) => {
  const server = await scriptedServer(() => refuse(status));
  expect(await new Downloading().fails(server.url)).toMatchObject({ status, attempts: 1 });
});

it('asks again after a refused or reset connection, and once more for an unknown host [K16]', async () => {
  const server = await scriptedServer([[RESET], [HANG_UP], whole(BODY)]);
  expect((await new Downloading().fetch(server.url)).bytes).toEqual(BODY);
  const refused = await new Downloading().fails('http://127.0.0.1:1/x', { attempts: 2 });
  expect(refused.message).toMatch(/the connection failed \(ECONNREFUSED\) \(2 requests\)/);
  const unknown = new Downloading();
  expect((await unknown.fails('http://nowhere.invalid/')).message).toMatch(/EAI_AGAIN|its host is not known/);
});

it('goes over TLS with the authorities it was given, and trusts nobody else [K12]', async () => {
  const server = await scriptedServer(() => whole(BODY), TLS);
  expect((await new Downloading().fetch(server.url, { ca })).bytes).toEqual(BODY);
  const error = await new Downloading().fails(server.url);
  expect(error).toMatchObject({ attempts: 1 });
  expect(error.message).toContain('the certificate of its host is not trusted');
});

it('does not go on without TLS where it began with it [K12]', async () => {
  const plain = await scriptedServer([]);
  const server = await scriptedServer(() => [head(302, { Location: plain.url, 'Content-Length': 0 })], TLS);
  const error = await new Downloading().fails(server.url, { ca });
  expect(error.message).toContain('which is not encrypted');
  expect(plain.requests).toEqual([]);
});

/** A proxy that tunnels, and forwards nothing. */
async function tunnels(refusal?: number) {
  return scriptedServer(({ target }, _, socket): Script => {
    if (refusal !== undefined) return [head(refusal, { 'Content-Length': 0 }), HANG_UP];
    const [host, port] = target.split(':');
    return [join(socket, connect(Number(port), host)), head(200), STALL];
  });
}

async function join(one: Socket, other: Socket): Promise<void> {
  other.on('error', () => one.destroy());
  await once(other, 'connect');
  other.pipe(one).on('close', () => other.destroy());
  one.on('data', (data) => other.write(data));
}

const AUTHORIZATION = `Basic ${Buffer.from('aba:s3c/ret').toString('base64')}`;
const withUser = (url: string) => url.replace('//', '//aba:s3c%2Fret@');

it('asks a proxy for plain http with the whole address, and no tunnel [K14]', async () => {
  const proxy = await scriptedServer([whole(BODY)]);
  const { bytes } = await new Downloading().fetch('http://data.invalid/file?a=b', {
    proxy: withUser(proxy.url),
  });
  expect(bytes).toEqual(BODY);
  expect(proxy.requests[0]).toMatchObject({
    method: 'GET',
    target: 'http://data.invalid/file?a=b',
    headers: { host: 'data.invalid', 'proxy-authorization': AUTHORIZATION },
  });
});

it('goes through a tunnel of a proxy for https, and shows its password to the proxy alone [K14]', async () => {
  const server = await scriptedServer(() => whole(BODY), TLS);
  const proxy = await tunnels();
  const { bytes } = await new Downloading().fetch(server.url, { proxy: withUser(proxy.url), ca });
  expect(bytes).toEqual(BODY);
  expect(proxy.requests[0]).toMatchObject({
    method: 'CONNECT',
    target: `127.0.0.1:${server.port}`,
    headers: { 'proxy-authorization': AUTHORIZATION },
  });
  expect(server.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
});

it('says that it was the proxy that refused [K14]', async () => {
  const forwarding = await scriptedServer(() => refuse(407));
  const plain = await new Downloading().fails('http://data.invalid/', { proxy: withUser(forwarding.url) });
  expect(plain).toMatchObject({ status: 407, attempts: 1 });
  const tunnelling = await tunnels(407);
  const error = await new Downloading().fails('https://data.invalid/', { proxy: withUser(tunnelling.url) });
  expect(error).toMatchObject({ status: 407, attempts: 1 });
  for (const { message } of [plain, error]) {
    expect(message).toContain('Give user and password in the address of the proxy.');
    expect(message).not.toContain('s3c');
  }
});

it('names a proxy that does not answer, without its password, and tries it again [K14]', async () => {
  const proxy = 'http://aba:s3cret@127.0.0.1:1';
  for (const address of ['http://data.invalid/', 'https://data.invalid/']) {
    const error = await new Downloading().fails(address, { proxy, attempts: 2 });
    expect(error.message).toContain('through the proxy http://127.0.0.1:1/');
    expect(error.message).not.toContain('s3cret');
    expect(error).toMatchObject({ attempts: 2 });
  }
});

it('goes on when a proxy dies in the middle [K14]', async () => {
  const proxy = await scriptedServer((request) => {
    const start = startOf(request);
    if (start > 0) return rest(start);
    return [head(200, { 'Content-Length': 1000, ...ETAG }), BODY.subarray(0, 500), HANG_UP];
  });
  const { bytes } = await new Downloading().fetch('http://data.invalid/', { proxy: proxy.url });
  expect(bytes).toEqual(BODY);
});

it('takes the proxy that the environment names [K14]', async () => {
  const proxy = await scriptedServer([whole(BODY)]);
  const before = process.env.http_proxy;
  process.env.http_proxy = proxy.url;
  onTestFinished(() => {
    if (before === undefined) delete process.env.http_proxy;
    else process.env.http_proxy = before;
  });
  const downloading = new Downloading();
  const { bytes } = await downloading.fetch('http://data.invalid/', { proxy: undefined } as object);
  expect(bytes).toEqual(BODY);
});
