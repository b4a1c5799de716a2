import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openCache } from 'holdfast/cache';
import { Layout } from '../../dist/cache/layout.js';
import { interleave } from '../lib/rounds.mjs';
import { median, quantile } from '../lib/stats.mjs';
import { span, times } from '../lib/table.mjs';

export const measures =
  'cache: a hit against open+fstat+close, ls against reading the records, 1 GB against a bare write+fsync';

/**
 * cacache, which brings no types.
 *
 * @type {{
 *   put(cache: string, key: string, data: Buffer): Promise<unknown>,
 *   get: { info(cache: string, key: string): Promise<unknown> },
 *   ls(cache: string): Promise<object>,
 * }}
 */
const cacache = createRequire(import.meta.url)('cacache');

/** Milliseconds. */
const AT_REST = 3_500;
const MEBIBYTE = 1024 * 1024;

/** @typedef {import('../main.mjs').Context} Context */
/** @typedef {Awaited<ReturnType<typeof openCache>>} Cache */

/** @param {Context} context */
export async function run(context) {
  for (const count of [10, 10_000]) await hit(context, count);
  await list(context);
  await produce(context);
}

/**
 * A cache with so many entries: one is published, the others are copies of its record under their own keys.
 *
 * @param {string} directory @param {number} count
 */
async function cacheOf(directory, count) {
  const cache = await openCache(directory);
  const { path } = await cache.fetch('key 0', async ({ temp }) => writeFileSync(temp, 'text'));
  const layout = new Layout(cache.directory);
  const record = JSON.parse(readFileSync(layout.recordOf('key 0'), 'utf8'));
  for (let at = 1; at < count; at++) {
    const key = `key ${at}`;
    writeFileSync(layout.recordOf(key), `${JSON.stringify({ ...record, key })}\n`);
  }
  return { cache, layout, path };
}

/**
 * Hits of keys that were asked for before. The records have been at rest for longer than a file system's clock may stand
 * still, as nearly all are in use. What the first hit of a key takes is shown beside them, with no bound: it has a name
 * hashed and a record parsed.
 *
 * @param {Context} context @param {number} count
 */
async function hit({ directory, quick, report }, count) {
  const { cache, path } = await cacheOf(join(directory, `hits-${count}`), count);
  await setTimeout(AT_REST);
  const peer = join(directory, `cacache-${count}`);
  await cacache.put(peer, 'key', Buffer.from('text'));
  const never = () => Promise.reject(new Error('it was in the cache'));
  for (let at = 0; at < 2 * count; at++) await cache.fetch(`key ${at % count}`, never);
  let next = 0;
  let opened = cache;
  let unseen = 0;
  const timings = await interleave(
    [
      {
        name: 'floor: open, fstat and close of the content',
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) {
            const fd = openSync(path, 'r');
            fstatSync(fd);
            closeSync(fd);
          }
        },
      },
      {
        name: `a hit among ${count} entries`,
        run: async (iterations) => {
          for (let i = 0; i < iterations; i++) await cache.fetch(`key ${next++ % count}`, never);
        },
      },
      {
        name: 'peer: cacache.get.info',
        run: async (iterations) => {
          for (let i = 0; i < iterations; i++) await cacache.get.info(peer, 'key');
        },
      },
      {
        name: `the first hit of each of ${count} keys, opening included`,
        run: async (iterations) => {
          for (let i = 0; i < iterations; i++) {
            if (unseen === 0) opened = await openCache(cache.directory); // it knows of nothing yet
            await opened.fetch(`key ${unseen}`, never);
            unseen = (unseen + 1) % count;
          }
        },
      },
    ],
    quick ? { rounds: 20, slice: 5 } : { rounds: 100, slice: 10 },
  );
  report.table(
    `One hit among ${count} entries: medians of interleaved rounds`,
    ['', 'a call', '× floor'],
    timings.map(({ name, perOperation, ratio }) => [name, span(perOperation), times(ratio)]),
  );
  report.atMost(`a hit among ${count} entries over its floor`, timings[1]?.ratio ?? Number.NaN, 3);
  report.figure(`hit-${count}`, timings);
}

/** @param {Context} context */
async function list({ directory, quick, report }) {
  const { cache, layout } = await cacheOf(join(directory, 'list'), 10_000);
  const peer = join(directory, 'list-cacache');
  const peers = quick ? 200 : 2000;
  for (let at = 0; at < peers; at++) await cacache.put(peer, `key ${at}`, Buffer.from('text'));
  const timings = await interleave(
    [
      {
        name: 'floor: readFileSync and JSON.parse of 10,000 records',
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) {
            for (const name of readdirSync(layout.entries)) {
              JSON.parse(readFileSync(join(layout.entries, name), 'utf8'));
            }
          }
        },
      },
      {
        name: 'cache.entries() of 10,000',
        run: async (iterations) => {
          for (let i = 0; i < iterations; i++) {
            let count = 0;
            for await (const _ of cache.entries()) count++;
            if (count !== 10_000) throw new Error(`${count} entries`);
          }
        },
      },
      {
        name: `peer: cacache.ls of ${peers}`,
        run: async (iterations) => {
          for (let i = 0; i < iterations; i++) await cacache.ls(peer);
        },
      },
    ],
    quick ? { rounds: 5, slice: 100 } : { rounds: 20, slice: 300 },
  );
  report.table(
    'Listing: medians of interleaved rounds',
    ['', 'a call', '× floor'],
    timings.map(({ name, perOperation, ratio }) => [name, span(perOperation), times(ratio)]),
  );
  report.atMost('cache.entries() of 10,000 over its floor', timings[1]?.ratio ?? Number.NaN, 1.5);
  report.figure('list', timings);
}

/** @param {Context} context */
async function produce({ directory, quick, report }) {
  const pieces = quick ? 64 : 1024;
  const pairs = quick ? 5 : 15;
  const piece = Buffer.alloc(MEBIBYTE, 'sixteen bytes of ');
  const home = join(directory, 'produce');
  mkdirSync(home);
  const cache = await openCache(join(home, 'cache'), { graceMs: 0 });
  const mirror = join(home, 'mirror');
  /** @type {number[]} */
  const bare = [];
  /** @type {number[]} */
  const full = [];
  for (let pair = 0; pair < pairs; pair++) {
    piece.writeUInt32LE(pair);
    bare.push(await timed(() => writeBare(join(home, 'bare'), piece, pieces)));
    rmSync(join(home, 'bare'));
    full.push(
      await timed(() =>
        cache.fetch('large', async () => piecesOf(piece, pieces), {
          policy: 'always',
          mirror,
          mirrorMode: 'link',
        }),
      ),
    );
    rmSync(mirror);
    await cache.delete('large');
    await cache.prune();
  }
  const ratios = full.map((value, pair) => value / (bare[pair] ?? Number.NaN));
  const quartiles = (/** @type {number[]} */ values) => [0.25, 0.5, 0.75].map((at) => quantile(values, at));
  report.table(
    `Produce, publish and mirror (link) ${pieces} MiB, ${pairs} alternating pairs, load ${loadavg()[0]?.toFixed(1)}`,
    ['', 'lower quartile', 'median', 'upper quartile'],
    [
      ['floor: write and fsync', ...quartiles(bare).map(span)],
      ['cache.fetch', ...quartiles(full).map(span)],
      ['ratio of a pair', ...quartiles(ratios).map(times)],
    ],
  );
  report.atMost(
    'producing, publishing and mirroring over a bare write and fsync',
    median(full) / median(bare),
    1.15,
  );
  report.figure('produce', { pieces, bare, full, load: loadavg() });
}

/** @param {() => unknown} body @returns {Promise<number>} nanoseconds */
async function timed(body) {
  const start = process.hrtime.bigint();
  await body();
  return Number(process.hrtime.bigint() - start);
}

/** @param {string} path @param {Buffer} piece @param {number} count */
function writeBare(path, piece, count) {
  const fd = openSync(path, 'wx');
  for (let at = 0; at < count; at++) writeSync(fd, piece);
  fsyncSync(fd);
  closeSync(fd);
}

/** @param {Buffer} piece @param {number} count */
async function* piecesOf(piece, count) {
  for (let at = 0; at < count; at++) yield piece;
}
