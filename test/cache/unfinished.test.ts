import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { download } from 'holdfast/cache';
import { expect, it, onTestFinished } from 'vitest';
import { newCache } from './support.ts';

/** A cache, and a download from a server of the running test's own, which gives these answers, and then the last one again. */
async function answered(...answers: readonly RequestListener[]) {
  let requests = 0;
  const server = createServer((request, response) =>
    answers[Math.min(requests++, answers.length - 1)]?.(request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/corpus`;
  const { cache, layout } = await newCache();
  const fetch = (decode = false) =>
    cache.fetch('corpus', download(url, { proxy: false, attempts: 1, decode }));
  return { fetch, isLeft: () => existsSync(layout.partialOf('corpus')) };
}

const BODY = Buffer.alloc(3_000_000, 'words ');
const unavailable: RequestListener = (_request, response) =>
  void response.writeHead(503, { 'content-length': 4 }).end('busy');

/** The body from where it is asked for, or only so much of it. */
function part(bytes = BODY.length): RequestListener {
  return ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${start}-${BODY.length - 1}/${BODY.length}` };
    const length = { etag: '"1"', 'content-length': BODY.length - start };
    response.writeHead(start > 0 ? 206 : 200, { ...length, ...(start > 0 && range) });
    response.write(BODY.subarray(start, start + bytes), () =>
      bytes < BODY.length ? response.destroy() : response.end(),
    );
  };
}

it.each([
  ['a 503', false, unavailable],
  [
    'a body that cannot be decoded',
    true,
    ((_request, response) => {
      const body = gzipSync(BODY).subarray(0, 2_000);
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length, etag: '"1"' });
      response.end(body);
    }) satisfies RequestListener,
  ],
] as const)('%s leaves nothing, for nobody could go on with it [K5, K17]', async (_, decode, answer) => {
  const { fetch, isLeft } = await answered(answer);
  await expect(fetch(decode)).rejects.toThrow();
  expect(isLeft()).toBe(false);
});

it('a 503 leaves what an earlier request has brought, and the next download goes on from there [K5, K9]', async () => {
  const ranges: (string | undefined)[] = [];
  const rest: RequestListener = (request, response) => {
    ranges.push(request.headers.range);
    part()(request, response);
  };
  const { fetch, isLeft } = await answered(part(2_000_000), unavailable, rest);
  await expect(fetch()).rejects.toThrow(/503/); // the second request of this call
  expect(isLeft()).toBe(true);

  const { path } = await fetch();

  expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  expect(readFileSync(path).equals(BODY)).toBe(true);
  expect(isLeft()).toBe(false);
});
