import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { NOT_MODIFIED, type Validators } from '../../src/content/validators.ts';
import { Client } from '../../src/download/client.ts';
import { exchange } from '../../src/download/exchange.ts';
import { checkOptions } from '../../src/download/options.ts';
import { StallWatch } from '../../src/download/stall.ts';
import { HANG_UP, head, type Script, scriptedServer, whole } from '../support/scripted-server.ts';
import { content, Downloading, entryFrom, sri } from './downloading.ts';

const BODY = Buffer.from('word '.repeat(1000));
const ZIPPED = gzipSync(BODY);
const GZIP = { 'Content-Encoding': 'gzip' };
const redirect = (to: string, status = 302): Script => [head(status, { Location: to, 'Content-Length': 0 })];

it('keeps the bytes as they were sent, whatever their encoding [K11]', async () => {
  const server = await scriptedServer([whole(ZIPPED, GZIP)]);
  const { bytes } = await new Downloading().fetch(`${server.url}/file`, { integrity: sri(ZIPPED) });
  expect(bytes).toEqual(ZIPPED);
  expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
});

it('undoes an encoding on request, and counts what is on the wire [K11]', async () => {
  const server = await scriptedServer([whole(ZIPPED, GZIP)]);
  const downloading = new Downloading();
  const { bytes } = await downloading.fetch(`${server.url}/file`, { decode: true, integrity: sri(BODY) });
  expect(bytes).toEqual(BODY);
  expect(downloading.progress.at(-1)).toEqual([ZIPPED.length, ZIPPED.length]);
});

it('says which form of an encoded content would have matched [K11]', async () => {
  const server = await scriptedServer(() => whole(ZIPPED, GZIP));
  const sent = await new Downloading().fails(`${server.url}/file`, { integrity: sri(BODY) });
  expect(sent).toMatchObject({ code: 'HOLDFAST_INTEGRITY' });
  expect(sent.message).toContain(
    'The server sent it as gzip, and without that it matches: use decode: true.',
  );
  const undone = await new Downloading().fails(`${server.url}/file`, {
    integrity: sri(ZIPPED),
    decode: true,
  });
  expect(undone.message).toContain('The bytes as they are sent match: leave out decode.');
});

it('decodes no more than 256 MiB for the sake of such a message [K8, K11]', async () => {
  const large = Buffer.alloc(300 * 1024 * 1024);
  const server = await scriptedServer(() => whole(gzipSync(large, { level: 1 }), GZIP));
  const error = await new Downloading().fails(`${server.url}/file`, { integrity: sri(large), attempts: 1 });
  expect(error).toMatchObject({ code: 'HOLDFAST_INTEGRITY' });
  expect(error.message).not.toContain('decode');
});

it('refuses an encoded body that is cut off, or no such encoding [K7, K11]', async () => {
  const cut = ZIPPED.subarray(0, -4);
  const server = await scriptedServer(({ target }) =>
    target === '/file' ? whole(cut, GZIP) : whole(ZIPPED, { 'Content-Encoding': 'odd' }),
  );
  const incomplete = await new Downloading().fails(`${server.url}/file`, { decode: true, attempts: 1 });
  expect(incomplete).toMatchObject({ code: 'HOLDFAST_INCOMPLETE' });
  const odd = await new Downloading().fails(`${server.url}/odd`, { decode: true, attempts: 1 });
  expect(odd.message).toContain('its Content-Encoding (odd) cannot be undone');
});

it('refuses a page to log in where other types are accepted [K30]', async () => {
  const page = whole(Buffer.from('<form>'), { 'Content-Type': 'text/html; charset=utf-8' });
  const server = await scriptedServer([page, whole(BODY, { 'Content-Type': 'Application/X-Tar' })]);
  const accept = ['application/zip', 'application/x-*', 'application/x-tar'];
  const error = await new Downloading().fails(`${server.url}/file`, { accept: 'application/*' });
  expect(error.message).toContain('it answered with text/html instead of application/*');
  expect((await new Downloading().fetch(`${server.url}/file`, { accept })).bytes).toEqual(BODY);
  expect(server.requests[1]?.headers.accept).toBe(accept.join(', '));
});

it('refuses a page to log in by its integrity, after a second look [K30]', async () => {
  const server = await scriptedServer(() => whole(Buffer.from('<form>')));
  const downloading = new Downloading();
  const error = await downloading.fails(`${server.url}/file`, { integrity: sri(BODY) });
  expect(error).toMatchObject({
    code: 'HOLDFAST_INTEGRITY',
    expected: sri(BODY),
    got: sri(Buffer.from('<form>')),
    size: 6,
  });
  expect(server.requests).toHaveLength(2);
  expect((await downloading.open()).offset).toBe(0);
});

const THEN = 'Mon, 30 Nov 2026 12:00:00 GMT';
const DATED = { lastModified: THEN, date: 'Mon, 30 Nov 2026 12:01:00 GMT' };

it('keeps the entry when a server that was asked says that it is unchanged [K31]', async () => {
  const server = await scriptedServer([[head(304)], [head(304)]]);
  const entry = entryFrom(server.url, { etag: 'W/"x"', lastModified: 'then' });
  const { outcome } = await new Downloading().fetch(server.url, {}, { entry });
  expect(outcome).toBe(NOT_MODIFIED);
  expect(server.requests[0]?.headers['if-none-match']).toBe('W/"x"');
  expect(server.requests[0]?.headers).not.toHaveProperty('if-modified-since');
  const dated = entryFrom(server.url, DATED);
  await new Downloading().fetch(server.url, {}, { entry: dated });
  expect(server.requests[1]?.headers['if-modified-since']).toBe(THEN);
});

it.each<[string, Validators]>([
  ['the content may have had again when the server told it', { lastModified: THEN, date: THEN }],
  ['was told by a server whose clock nobody knows', { lastModified: THEN }],
])('does not ask whether something changed since a date that %s [K31]', async (_, validators) => {
  const server = await scriptedServer(({ headers }) =>
    headers['if-modified-since'] === undefined ? whole(BODY) : [head(304)],
  );
  const entry = entryFrom(server.url, validators);
  expect((await new Downloading().fetch(server.url, {}, { entry })).bytes).toEqual(BODY);
  expect(server.requests[0]?.headers).not.toHaveProperty('if-modified-since');
});

it.each<[string, Validators, Record<string, string>]>([
  ['ETag', { etag: '"v1"' }, { ETag: '"v2"' }],
  ['weak ETag', { etag: '"v1"' }, { ETag: 'W/"v2"' }],
  ['date of change', DATED, { 'Last-Modified': 'Mon, 30 Nov 2026 11:00:00 GMT' }],
])(
  'a 304 with another %s confirms nothing: asks for the whole, and then fails [K31]',
  async (_, known, told) => {
    const server = await scriptedServer([
      [head(304, told)],
      whole(BODY),
      [head(304, told)],
      [head(304, told)],
    ]);
    const entry = entryFrom(server.url, known);
    expect((await new Downloading().fetch(server.url, {}, { entry })).bytes).toEqual(BODY);
    expect(server.requests[1]?.headers).not.toHaveProperty('if-none-match');
    expect(await new Downloading().fails(server.url, {}, { entry })).toMatchObject({ status: 304 });
  },
);

it.each<[string, Validators, Record<string, string>]>([
  ['weakly', { etag: '"v1"' }, { ETag: 'W/"v1"' }],
  ['strongly', { etag: 'W/"v1"', lastModified: THEN }, { ETag: '"v1"', 'Last-Modified': 'some other day' }],
  ['by its date', DATED, { 'Last-Modified': THEN, ETag: '"new"' }],
])('a 304 that names the same version %s confirms it [K31]', async (_, known, told) => {
  const server = await scriptedServer([[head(304, told)]]);
  const entry = entryFrom(server.url, known);
  expect((await new Downloading().fetch(server.url, {}, { entry })).outcome).toBe(NOT_MODIFIED);
});

it.each(['*', '', 'v1', '"v1', '"v"1"', 'w/"v1"', '"v 1"'])(
  'neither keeps nor sends back %j, which is no ETag [K31]',
  async (etag) => {
    const server = await scriptedServer(() => whole(BODY, { ETag: etag }));
    const entry = entryFrom(server.url, { etag });
    const { outcome } = await new Downloading().fetch(server.url, {}, { entry });
    expect(outcome).toMatchObject({ validators: expect.not.objectContaining({ etag: expect.anything() }) });
    expect(server.requests[0]?.headers).not.toHaveProperty('if-none-match');
  },
);

it('asks nothing about an entry of another address, or one that is not what is expected [K31, K34]', async () => {
  const server = await scriptedServer(() => whole(BODY));
  const etag = { etag: '"1"' };
  const right = entryFrom(`${server.url}/b`, etag, BODY);
  const other = entryFrom(`${server.url}/a`, etag);
  const { size, integrity } = { size: BODY.length, integrity: sri(BODY) };
  for (const [entry, options, extras] of [
    [other, {}, {}],
    [{ ...right, validators: etag }, {}, {}],
    [{ ...right, validators: { ...etag, source: 7 as never } }, {}, {}],
    [entryFrom(`${server.url}/b`, etag), { size }, {}],
    [entryFrom(`${server.url}/b`, etag), { integrity }, {}],
    [entryFrom(`${server.url}/b`, etag), {}, { size }],
    [entryFrom(`${server.url}/b`, etag), {}, { integrity }],
    [right, { integrity, size }, {}],
  ] as const) {
    expect((await new Downloading().fetch(`${server.url}/b`, options, { entry, ...extras })).bytes).toEqual(
      BODY,
    );
  }
  const asked = server.requests.map(({ headers }) => headers['if-none-match']);
  expect(asked).toEqual([...Array.from({ length: 7 }, () => undefined), '"1"']);
});

it('believes no 304 of a place that it is redirected to now, and was not before [K12, K31]', async () => {
  const server = await scriptedServer(({ target, headers }) => {
    if (target === '/moving') return redirect('/two?id=2');
    return headers['if-none-match'] === undefined ? whole(BODY) : [head(304)];
  });
  const entry = entryFrom(`${server.url}/moving`, { etag: '"1"' }, BODY, `${server.url}/one`);
  const { outcome, bytes } = await new Downloading().fetch(`${server.url}/moving`, {}, { entry });
  expect(outcome).not.toBe(NOT_MODIFIED);
  expect(bytes).toEqual(BODY);
  const query = entryFrom(`${server.url}/moving`, { etag: '"1"' }, BODY, `${server.url}/two?id=1`);
  const other = await new Downloading().fetch(`${server.url}/moving`, {}, { entry: query });
  expect(other.outcome).not.toBe(NOT_MODIFIED);
  const same = entryFrom(`${server.url}/moving`, { etag: '"1"' }, BODY, `${server.url}/two?id=2`);
  const again = await new Downloading().fetch(`${server.url}/moving`, {}, { entry: same });
  expect(again.outcome).toBe(NOT_MODIFIED);
});

it('asks again for the whole when a server says unchanged that was not asked, and then fails [K31]', async () => {
  const server = await scriptedServer([[head(304)], whole(BODY), [head(304)], [head(304)]]);
  expect((await new Downloading().fetch(server.url)).bytes).toEqual(BODY);
  expect(await new Downloading().fails(server.url)).toMatchObject({ status: 304 });
});

it('asks for the rest, and not whether something changed, while there is a part of a newer version [K31]', async () => {
  const etag = { ETag: '"new"' };
  const server = await scriptedServer([
    [head(200, { 'Content-Length': BODY.length, ...etag }), BODY.subarray(0, 9), HANG_UP],
    [
      head(206, {
        'Content-Length': BODY.length - 9,
        'Content-Range': `bytes 9-${BODY.length - 1}/${BODY.length}`,
        ...etag,
      }),
      BODY.subarray(9),
    ],
  ]);
  const entry = entryFrom(server.url, { etag: '"old"' });
  const { bytes } = await new Downloading().fetch(server.url, {}, { entry });
  expect(bytes).toEqual(BODY);
  expect(server.requests.map(({ headers }) => headers['if-none-match'])).toEqual(['"old"', undefined]);
});

const SECRETS = { authorization: 'Bearer s3cret', cookie: 'id=s3cret', 'x-api-key': 's3cret' };

it('sends what the caller gave to the first origin, and to nobody it redirects to [K12]', async () => {
  const other = await scriptedServer(() => whole(BODY));
  const server = await scriptedServer((_, number) =>
    redirect(number === 0 ? '/next?a=b' : `${other.url}/end`),
  );
  const address = server.url.replace('//', '//aba:s3cret@');
  await new Downloading().fetch(`${address}/file`, { headers: { 'x-api-key': 's3cret' } });
  const basic = `Basic ${Buffer.from('aba:s3cret').toString('base64')}`;
  expect(server.requests.map(({ target }) => target)).toEqual(['/file', '/next?a=b']);
  for (const { headers } of server.requests)
    expect(headers).toMatchObject({ authorization: basic, 'x-api-key': 's3cret' });
  for (const name of Object.keys(SECRETS)) expect(other.requests[0]?.headers).not.toHaveProperty(name);
});

it('tells other origins neither its name nor what it accepts, where the caller gave them, but the usual ones [K12]', async () => {
  const other = await scriptedServer(() => whole(BODY));
  const server = await scriptedServer(() => redirect(`${other.url}/end`));
  const own = { 'user-agent': 'inside/1.0 (k3y)', accept: 'application/vnd.inside' };
  await new Downloading().fetch(server.url, { headers: own });
  expect(server.requests[0]?.headers).toMatchObject(own);
  expect(other.requests[0]?.headers).toMatchObject({ 'user-agent': 'holdfast', accept: '*/*' });
});

it('sends what the caller gave to each of several addresses [K12]', async () => {
  const good = await scriptedServer(() => whole(BODY));
  const missing = await scriptedServer(() => [head(404, { 'Content-Length': 0 })]);
  await new Downloading().fetch([`${missing.url}/a`, `${good.url}/b`], { headers: SECRETS });
  for (const { requests } of [missing, good]) expect(requests[0]?.headers).toMatchObject(SECRETS);
});

it('does not send it again to an origin that it came back to over another one [K12]', async () => {
  const server = await scriptedServer(({ target }) =>
    target === '/' ? redirect(`${other.url}/`) : whole(BODY),
  );
  const other = await scriptedServer([redirect(`${server.url}/back`)]);
  await new Downloading().fetch(server.url, { headers: SECRETS });
  for (const [name, value] of Object.entries(SECRETS)) {
    expect(server.requests.map(({ headers }) => headers[name])).toEqual([value, undefined]);
  }
});

it('waits for each answer on the way of a redirect anew [K15]', async () => {
  const server = await scriptedServer([redirect('next', 302), whole(BODY)]);
  const client = await Client.load(checkOptions({ proxy: false }));
  onTestFinished(() => client.close());
  const told: string[] = [];
  const watch = new (class extends StallWatch {
    override waits(): void {
      told.push('waits');
      super.waits();
    }
    override got(): void {
      told.push('got');
      super.got();
    }
  })(20_000, new AbortController().signal);
  onTestFinished(() => watch.end());
  const { body } = await exchange(client, new URL(server.url), { own: {}, caller: {} }, watch);
  body.discard();
  expect(told).toEqual(['waits', 'got', 'waits', 'got']);
});

it('follows ten redirects and no more [K12]', async () => {
  const server = await scriptedServer(({ target }) => {
    const left = Number(target.slice(1));
    return left === 0 ? whole(BODY) : redirect(`${left - 1}`, 307);
  });
  expect((await new Downloading().fetch(`${server.url}/10`)).bytes).toEqual(BODY);
  const error = await new Downloading().fails(`${server.url}/11`);
  expect(error.message).toContain('it redirects more than 10 times (11 requests)');
});

it.each(['file:///etc/passwd', 'ftp://host/x', 'data:,x'])(
  'does not follow a redirect to %s [K12]',
  async (to) => {
    const server = await scriptedServer([redirect(to)]);
    const error = await new Downloading().fails(server.url);
    expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', status: 302, attempts: 1 });
  },
);

it('fails at a redirect to what is no address [K12]', async () => {
  const server = await scriptedServer([redirect('http://')]);
  expect((await new Downloading().fails(server.url)).message).toContain('redirects to what is no address');
});

it('shows and keeps no secret of an address or a header, anywhere [K13]', async () => {
  const server = await scriptedServer([
    [head(200, { 'Content-Length': 1000, ETag: '"one"' }), content(500), HANG_UP],
    redirect('/s3cret-free?signature=s3cret'),
    [head(403, { 'Content-Length': 0 })],
  ]);
  const downloading = new Downloading();
  const address = `${server.url.replace('//', '//s3cret:s3cret@')}/file?token=s3cret#s3cret`;
  const error = await downloading.fails(address, { headers: SECRETS });
  const told = [
    error.message,
    String(error.stack),
    JSON.stringify(error),
    JSON.stringify(Object.entries(error)),
  ];
  const kept = readdirSync(downloading.directory).map((name) =>
    readFileSync(join(downloading.directory, name), 'utf8'),
  );
  for (const text of [...told, ...kept, ...readdirSync(downloading.directory)])
    expect(text).not.toContain('s3cret"');
  expect([...told, ...kept].join().replaceAll('s3cret-free', '')).not.toContain('s3cret');
  expect(error.message).toContain(
    `${server.url}/file?… was not downloaded: the server answered 403 Forbidden`,
  );
  expect(kept.join()).toContain(`${server.url}/file?…`);
});

it('tries the next address where one announces more than there is space for [K8, K17]', async () => {
  const lying = await scriptedServer(() => [head(200, { 'Content-Length': 9e14 }), BODY]);
  const good = await scriptedServer([whole(BODY)]);
  const { outcome } = await new Downloading().fetch([`${lying.url}/a`, `${good.url}/b`]);
  expect(outcome).toMatchObject({ url: `${good.url}/b` });
  for (const urls of [[`${lying.url}/a`], [`${lying.url}/a`, `${lying.url}/b`]]) {
    expect(await new Downloading().fails(urls)).toMatchObject({ code: 'HOLDFAST_NO_SPACE', needed: 9e14 });
  }
});

it('tries one address after the other, and tells of all when none serves it', async () => {
  const missing = await scriptedServer(() => [head(404, { 'Content-Length': 0 })]);
  const good = await scriptedServer([whole(BODY)]);
  const urls = [`${missing.url}/a`, `${good.url}/b`];
  expect((await new Downloading().fetch(urls)).outcome).toMatchObject({ url: urls[1] });
  const error = await new Downloading().fails([`${missing.url}/a`, `${missing.url}/c`]);
  expect(error).toMatchObject({ code: 'HOLDFAST_DOWNLOAD', status: 404, attempts: 2 });
  expect(error.message).toMatch(
    /none of 2 addresses served it \(.*\/a: the server answered 404 Not Found; .*\/c: /,
  );
});
