import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readProgress } from '../../src/content/partial/state.ts';
import { asUser, Child } from '../support/child.ts';
import { fill, smallDisk } from '../support/disk.ts';
import {
  HANG_UP,
  head,
  type Script,
  STALL,
  scriptedServer,
  startOf,
  whole,
} from '../support/scripted-server.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { content, Downloading } from './downloading.ts';

const dist = (path: string) => pathToFileURL(join(import.meta.dirname, '../../dist', path)).href;
const MEBIBYTE = 1024 * 1024;
const ETAG = { ETag: '"one"' };

/** A pattern in which no two mebibytes are alike. */
function* pattern(from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; ) {
    const number = Math.floor(at / MEBIBYTE);
    const block = Buffer.alloc(MEBIBYTE, `${number} `.repeat(16));
    const start = at % MEBIBYTE;
    const end = Math.min(MEBIBYTE, start + to - at);
    yield block.subarray(start, end);
    at += end - start;
  }
}

function shaOf(size: number): string {
  const hash = createHash('sha256');
  for (const block of pattern(0, size)) hash.update(block);
  return hash.digest('hex');
}

/** From where it is asked for, and so many bytes at most. */
function answer(size: number, start: number, most = size): Script {
  const end = Math.min(size, start + most);
  const status = start === 0 ? 200 : 206;
  const range = start === 0 ? {} : { 'Content-Range': `bytes ${start}-${size - 1}/${size}` };
  const rest = end < size ? [HANG_UP] : [];
  return [
    head(status, { 'Content-Length': size - start, ...range, ...ETAG }),
    pattern(start, end),
    ...(rest as []),
  ];
}

/** A program that downloads to a directory, and says what it loaded. */
const PROGRAM = `
  const [url, directory, expect] = process.argv.slice(1);
  const { createRequire } = await import('node:module');
  const { download } = await import(${JSON.stringify(dist('download/download.js'))});
  const { DOWNLOAD } = await import(${JSON.stringify(dist('download/producer.js'))});
  const { PartialFile } = await import(${JSON.stringify(dist('content/partial/partial-file.js'))});
  const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((name) => name.includes('/undici/')).length;
  const producer = download(url, { proxy: false });
  console.log('loaded', loaded());
  const partial = await PartialFile.open(directory, { resume: true });
  global.gc?.();
  const idle = process.memoryUsage().rss;
  let most = 0;
  const progress = () => { most = Math.max(most, process.memoryUsage.rss()); };
  await producer[DOWNLOAD]({ partial, signal: new AbortController().signal, progress });
  const { digests } = await partial.seal();
  await partial.close();
  console.log('loaded', loaded());
  console.log('memory', most - idle);
  console.log('sha256', digests.sha256);
`;

function wordsOf(url: string, directory: string): string[] {
  return [process.execPath, '--expose-gc', '--input-type=module', '-e', PROGRAM, url, directory];
}

function program(url: string, directory: string): Child {
  const [command = '', ...words] = wordsOf(url, directory);
  return new Child(command, words);
}

it('loads nothing of undici before the first download', async () => {
  const server = await scriptedServer([whole(content(9))]);
  const child = program(server.url, join(tempDirectory(), 'partial'));
  const { stdout } = await child.exits();
  const [before, after] = [...stdout.matchAll(/^loaded (\d+)$/gm)].map(([, count]) => Number(count));
  expect(before).toBe(0);
  expect(after).toBeGreaterThan(0);
});

it('leaves the program its own fetch', async () => {
  const server = await scriptedServer([whole(content(9)), whole(Buffer.from('text'))]);
  const code = `
    const { downloadWith } = await import(${JSON.stringify(dist('download/download.js'))});
    const { realClock } = await import(${JSON.stringify(dist('download/pause.js'))});
    const temp = process.argv[2];
    await downloadWith(realClock, process.argv[1], { proxy: false })({ temp, signal: new AbortController().signal, progress() {} });
    console.log(Object.getOwnPropertySymbols(globalThis).some((each) => String(each).includes('undici')));
    console.log(await (await fetch(process.argv[1])).text());
  `;
  const child = new Child(process.execPath, ['--input-type=module', '-e', code, server.url, tempDirectory()]);
  expect((await child.exits()).stdout).toBe('false\ntext\n');
});

it('goes on in 200 MB that drop again and again, within bounded memory, and the bytes are right [K9, K35]', {
  timeout: 3_600_000,
}, async () => {
  const size = 200 * MEBIBYTE + 12_345;
  const drop = 23 * MEBIBYTE + 7;
  const server = await scriptedServer((request) => answer(size, startOf(request), drop));
  const { stdout } = await program(server.url, join(tempDirectory(), 'partial')).ended; // as long as it takes
  expect(stdout).toContain(`sha256 ${shaOf(size)}\n`);
  expect(server.requests.length).toBe(Math.ceil(size / drop));
  expect(Number(/^memory (\d+)$/m.exec(stdout)?.[1])).toBeLessThan(120 * MEBIBYTE);
});

it('goes on after a kill, without a hole [K5, K9]', async () => {
  const size = 64 * MEBIBYTE;
  const directory = join(tempDirectory(), 'partial');
  const server = await scriptedServer((request, number) => {
    const start = startOf(request);
    if (number > 0) return answer(size, start);
    const [first = ''] = answer(size, 0);
    return [first, pattern(0, 48 * MEBIBYTE), STALL];
  });
  const child = program(server.url, directory);
  await until(() => (readProgress(directory)?.done ?? 0) >= 40 * MEBIBYTE, 'most of it is there');
  await child.kill();
  const { stdout } = await program(server.url, directory).exits();
  expect(stdout).toContain(`sha256 ${shaOf(size)}\n`);
  expect(server.requests.slice(1).map(startOf)[0]).toBeGreaterThan(30 * MEBIBYTE);
  // The killed one may have been at its state, under a name of its own, which the cache sweeps.
  const left = readdirSync(directory).filter((name) => !/^state\.json\.[0-9a-f]{16}$/.test(name));
  expect(left.sort()).toEqual(['data', 'state.json']);
});

it('goes on where a process died that had made its whole file read-only, also for others than root [K5]', async () => {
  const size = 3 * MEBIBYTE;
  const home = tempDirectory();
  chmodSync(home, 0o777);
  const directory = join(home, 'partial');
  const server = await scriptedServer((request) => {
    const start = startOf(request);
    return start < size ? answer(size, start) : [head(416, { 'Content-Range': `bytes */${size}` })];
  });
  const [command = '', ...others] = asUser(12_345);
  const run = () => new Child(command, [...others, ...wordsOf(server.url, directory)]).exits();
  expect((await run()).stdout).toContain(`sha256 ${shaOf(size)}\n`);
  chmodSync(join(directory, 'data'), 0o444);
  expect((await run()).stdout).toContain(`sha256 ${shaOf(size)}\n`);
  expect(server.requests.map(startOf)).toEqual([0, size]);
});

describe('on a disk of 4 MiB', () => {
  const small = () => {
    const { disk } = smallDisk('size=4m');
    mkdirSync(join(disk, 'partials'));
    return { disk, downloading: new Downloading(join(disk, 'partials', 'one')) };
  };

  it('refuses before the first byte what does not fit [K17]', async () => {
    const { disk, downloading } = small();
    const server = await scriptedServer([whole(content(5 * MEBIBYTE))]);
    const error = await downloading.fails(server.url);
    expect(error).toMatchObject({ code: 'HOLDFAST_NO_SPACE', needed: 5 * MEBIBYTE });
    expect(error.message).toMatch(
      /Make room on that disk, as with holdfast cache prune, or use another directory\.$/,
    );
    expect(server.requests).toHaveLength(1);
    expect(readFileSync(join(disk, 'partials', 'one', 'data'))).toHaveLength(0);
  });

  it('removes what has filled the disk, where the length was not known before [K17]', async () => {
    const { disk, downloading } = small();
    const server = await scriptedServer(() => [head(200), content(5 * MEBIBYTE), HANG_UP]);
    const error = await downloading.fails(server.url, { allowUnverified: true });
    expect(error).toMatchObject({ code: 'HOLDFAST_NO_SPACE' });
    expect(server.requests).toHaveLength(1);
    expect(readdirSync(join(disk, 'partials'))).toEqual([]);
  });

  it('says so, and leaves nothing, when not even the state of a download fits [K17]', async () => {
    const { disk, downloading } = small();
    fill(disk);
    const server = await scriptedServer([[head(200, { 'Content-Length': 9 }), '123456789']]);
    expect(await downloading.fails(server.url)).toMatchObject({ code: 'HOLDFAST_NO_SPACE' });
    const partial = await downloading.open();
    await expect(partial.begin({ url: server.url, validators: {} })).rejects.toMatchObject({
      code: 'HOLDFAST_NO_SPACE',
    });
    await partial.close();
    expect(readdirSync(join(disk, 'partials'))).toEqual([]);
  });

  it('says so when there are no more files to be had [K17]', async () => {
    const { disk } = smallDisk('nr_inodes=2');
    const downloading = new Downloading(join(disk, 'one'));
    await expect(downloading.open()).rejects.toMatchObject({ code: 'HOLDFAST_NO_SPACE' });
  });
});
