import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Child } from '../support/child.ts';
import { head, scriptedServer } from '../support/scripted-server.ts';
import { tempDirectory } from '../support/temp.ts';

const MEBIBYTE = 1024 * 1024;
/** `HOLDFAST_CACHE_BYTES=5e9 npm run test:unit -- test/cache/large.test.ts` goes beyond 4 GiB, and takes as much of the disk. */
const BYTES = Number(process.env.HOLDFAST_CACHE_BYTES ?? 160 * MEBIBYTE + 1);
const MOST_MEMORY = 120 * MEBIBYTE;

/** No two mebibytes are alike. */
function* content(): Generator<Buffer> {
  for (let at = 0; at < BYTES; at += MEBIBYTE) {
    yield Buffer.alloc(Math.min(MEBIBYTE, BYTES - at), `${at / MEBIBYTE} `.repeat(16));
  }
}

/** Fetches from a URL into a cache, and says what it got and how much memory that took besides what an open cache has. */
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  import { download, openCache } from 'holdfast/cache';
  const [url, directory, mirror] = process.argv.slice(1);
  const cache = await openCache(directory);
  cache.peek('corpus');
  const memory = (name) => Number(new RegExp(name + ':\\\\s+(\\\\d+) kB').exec(readFileSync('/proc/self/status', 'latin1'))[1]) * 1024;
  const idle = memory('VmRSS');
  const { size, integrity } = await cache.fetch('corpus', download(url, { proxy: false }), { mirror });
  console.log(JSON.stringify({ size, integrity, memory: memory('VmHWM') - idle }));
`;

it('a large download passes through the cache in bounded memory, and is right to the last byte [K35]', {
  timeout: 3_600_000,
}, async () => {
  const home = tempDirectory();
  const server = await scriptedServer(() => [
    head(200, { 'Content-Length': BYTES, ETag: '"one"' }),
    content(),
  ]);
  const words = [server.url, join(home, 'cache'), join(home, 'mirror')];
  const child = new Child(process.execPath, ['--input-type=module', '--eval', PROGRAM, ...words]);
  const { stdout, stderr } = await child.ended; // as long as it takes
  expect(stderr).toBe('');
  const hash = createHash('sha256');
  for (const block of content()) hash.update(block);
  const { memory, ...got } = JSON.parse(stdout) as { memory: number };
  expect(got).toEqual({ size: BYTES, integrity: `sha256-${hash.digest('base64')}` });
  expect(memory).toBeLessThan(MOST_MEMORY);
});
