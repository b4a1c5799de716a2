import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, writev } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { PartialFile } from '../../dist/content/partial/partial-file.js';
import { download } from '../../dist/download/download.js';
import { DOWNLOAD } from '../../dist/download/producer.js';
import { Child, now } from '../lib/children.mjs';
import { quantile } from '../lib/stats.mjs';
import { digits } from '../lib/table.mjs';

export const measures =
  'a download with hashing against a bare loop of undici.request, writev and sha256, and curl';

const MEBIBYTE = 1024 * 1024;
const BATCH = MEBIBYTE / 2;
const writeAll = promisify(writev);

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const bytes = (quick ? 128 : 512) * MEBIBYTE;
  const rounds = quick ? 7 : 15;
  const server = new Child('file-server.mjs', { bytes });
  try {
    const url = `http://127.0.0.1:${await server.next()}/file`;
    /** @type {[string, (path: string) => Promise<unknown>][]} */
    const candidates = [
      ['floor: undici.request, writev, sha256, fsync', (path) => bare(url, path)],
      ['download into a partial, sealed', (path) => ours(url, path)],
      ['curl -C -', async (path) => curl(url, path)],
    ];
    /** @type {number[][]} */
    const samples = candidates.map(() => []);
    let most = 0;
    for (let round = -1; round < rounds; round++) {
      for (let step = 0; step < candidates.length; step++) {
        const at = (step + Math.max(0, round)) % candidates.length;
        const path = join(directory, 'target');
        const start = now();
        const memory = await candidates[at]?.[1](path);
        if (round >= 0) samples[at]?.push((now() - start) / 1e6);
        if (typeof memory === 'number') most = Math.max(most, memory);
        rmSync(path, { recursive: true, force: true });
      }
    }
    const [floor = []] = samples;
    const ratios = samples.map((own) => own.map((ms, round) => (floor[round] ?? Number.NaN) / ms));
    report.table(
      `${bytes / MEBIBYTE} MiB over loopback, ${rounds} alternating rounds, load ${digits(loadavg()[0] ?? 0)}`,
      ['', 'p25 ms', 'p50 ms', 'p75 ms', 'MB/s', 'speed × floor'],
      candidates.map(([name], at) => {
        const own = samples[at] ?? [];
        const [p25, p50, p75] = [0.25, 0.5, 0.75].map((q) => quantile(own, q));
        const rate = bytes / 1e3 / (p50 ?? Number.NaN);
        return [
          name,
          digits(p25 ?? 0),
          digits(p50 ?? 0),
          digits(p75 ?? 0),
          digits(rate),
          digits(quantile(ratios[at] ?? [], 0.5)),
        ];
      }),
    );
    report.atLeast('speed of a download over that of the bare loop', quantile(ratios[1] ?? [], 0.5), 0.9);
    report.atMost('memory over idle while it downloads, in MiB', most / MEBIBYTE, 120);
    report.figure('milliseconds', samples);
  } finally {
    await server.kill();
  }
}

/** @param {string} url @param {string} path */
async function bare(url, path) {
  const dispatcher = new Agent();
  const hash = createHash('sha256');
  const fd = openSync(path, 'wx');
  const { body } = await request(url, { dispatcher });
  /** @type {Buffer[]} */
  let gathered = [];
  let length = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    gathered.push(chunk);
    length += chunk.length;
    if (length < BATCH) continue;
    await writeAll(fd, gathered);
    gathered = [];
    length = 0;
  }
  if (length > 0) await writeAll(fd, gathered);
  hash.digest('hex');
  fsyncSync(fd);
  closeSync(fd);
  await dispatcher.close();
}

/** The most memory over what was used before. @param {string} url @param {string} path */
async function ours(url, path) {
  const before = process.memoryUsage.rss();
  let most = 0;
  let calls = 0;
  const partial = await PartialFile.open(path, { resume: true });
  /** @type {any} */
  const producer = download(url, { proxy: false });
  await producer[DOWNLOAD]({
    partial,
    signal: new AbortController().signal,
    progress: () => {
      if (calls++ % 64 === 0) most = Math.max(most, process.memoryUsage.rss() - before);
    },
  });
  await partial.seal();
  await partial.close();
  return most;
}

/** @param {string} url @param {string} path */
function curl(url, path) {
  const { status } = spawnSync('curl', ['-s', '-C', '-', '-o', path, url]);
  if (status !== 0) throw new Error(`curl ended with ${status}`);
}
