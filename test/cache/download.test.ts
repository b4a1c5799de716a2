import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FetchFailedError, IncompleteError } from 'holdfast';
import { download } from 'holdfast/cache';
import { expect, it, onTestFinished } from 'vitest';
import { newCache, refuses } from './support.ts';

/** A server of the running test's own. */
async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/corpus`;
}

const fetchOptions = { proxy: false, attempts: 1 } as const;

it('a download is published with what the server said of its version, and not downloaded again while that holds', async () => {
  const requests: (string | undefined)[] = [];
  const url = await serving((request, response) => {
    requests.push(request.headers['if-none-match']);
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304, { etag: '"1"' }).end();
    else response.writeHead(200, { etag: '"1"' }).end('words');
  });
  const { cache } = await newCache();
  const producer = download(url, fetchOptions);
  const first = await cache.fetch('corpus', producer, { size: 5 });
  expect(first).toMatchObject({ validators: { etag: '"1"' }, url });
  expect(readFileSync(first.path, 'utf8')).toBe('words');
  const second = await cache.fetch('corpus', producer, { policy: 'always', size: 5 });
  expect(second).toMatchObject({ generation: 2, path: first.path, produced: first.produced });
  expect(requests).toEqual([undefined, '"1"']);
});

it('a download whose entry has lost its content asks for the whole, and not whether something changed [K31]', async () => {
  const requests: (string | undefined)[] = [];
  const url = await serving((request, response) => {
    requests.push(request.headers['if-none-match']);
    response.writeHead(200, { etag: '"1"' }).end('words');
  });
  const { cache } = await newCache();
  const producer = download(url, fetchOptions);
  const { path } = await cache.fetch('corpus', producer, { size: 5 });
  rmSync(path);
  const again = await cache.fetch('corpus', producer, { policy: 'always', size: 5 });
  expect(readFileSync(again.path, 'utf8')).toBe('words');
  expect(requests).toEqual([undefined, undefined]);
});

it('a refresh whose body ends early is refused, and the old entry is served [K7]', async () => {
  let requests = 0;
  const url = await serving((_request, response) => {
    const body = requests++ === 0 ? 'words' : 'other words';
    response.writeHead(200, { 'content-length': body.length });
    if (requests === 1) response.end(body);
    else response.write(body.slice(0, 5), () => response.destroy());
  });
  const { cache } = await newCache();
  const producer = download(url, fetchOptions);
  const { path } = await cache.fetch('corpus', producer);
  await expect(cache.fetch('corpus', producer, { policy: 'always' })).rejects.toBeInstanceOf(IncompleteError);
  expect(await cache.fetch('corpus', refuses)).toMatchObject({ path, generation: 1 });
  expect(readFileSync(path, 'utf8')).toBe('words');
});

it('16 calls of a URL that fails make the requests of one flight [K16]', async () => {
  let requests = 0;
  const url = await serving((_request, response) => {
    requests++;
    response.writeHead(404).end();
  });
  const { cache } = await newCache();
  const calls = Array.from({ length: 16 }, () => cache.fetch('corpus', download(url, fetchOptions)));
  const ends = await Promise.allSettled(calls);
  const shared = ends.filter((end) => end.status === 'rejected' && end.reason instanceof FetchFailedError);
  expect([requests, shared.length]).toEqual([1, 15]);
});

it('a download that broke off is gone on with by the next fetch of its key, and leaves nothing behind [K5]', async () => {
  const body = Buffer.alloc(3_000_000, 'words ');
  const ranges: (string | undefined)[] = [];
  const url = await serving((request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const headers = { etag: '"1"', 'content-length': body.length - start };
    if (start > 0) {
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${start}-${body.length - 1}/${body.length}`,
      });
      response.end(body.subarray(start));
    } else {
      response.writeHead(200, headers);
      response.write(body.subarray(0, 2_000_000), () => response.destroy());
    }
  });
  const { cache, layout, directory } = await newCache();
  const once = download(url, fetchOptions);
  const first: unknown = await cache.fetch('corpus', once).catch((reason) => reason);
  const entry =
    first instanceof Error
      ? await cache.fetch('corpus', once)
      : (first as Awaited<ReturnType<typeof cache.fetch>>);
  expect(readFileSync(entry.path).equals(body)).toBe(true);
  expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
  expect(existsSync(layout.partialOf('corpus'))).toBe(false);
  expect(readdirSync(join(directory, 'partial'))).toEqual([]);
});
