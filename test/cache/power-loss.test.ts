import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { download, openCache, type Producer } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { parseRecord } from '../../src/cache/record.ts';
import { Child, fixture } from '../support/child.ts';
import { CHANGING, type Change, changesIn } from '../support/power-loss/changes.ts';
import { Disk, type Remains, restore } from '../support/power-loss/disk.ts';
import { head, type ScriptedServer, scriptedServer, startOf, whole } from '../support/scripted-server.ts';
import { memoryDirectory } from '../support/temp.ts';
import { making, put } from './support.ts';

const [OLD, NEW, MISS] = ['the old text', 'the new text', 'a miss'];
/** Of the same length as the new text, and without a state. */
const STALE = 'over stale bytes';
const ETAG = { ETag: '"new"' };

type Work = 'temp' | 'stream' | 'download';

function serving(): Promise<ScriptedServer> {
  return scriptedServer((request) => {
    const body = Buffer.from(NEW);
    const start = startOf(request);
    if (start === 0) return whole(body, ETAG);
    const past = { 'Content-Range': `bytes */${body.length}`, 'Content-Length': 0 };
    if (start >= body.length) return [head(416, past)];
    const range = `bytes ${start}-${body.length - 1}/${body.length}`;
    const length = body.length - start;
    return [head(206, { 'Content-Length': length, 'Content-Range': range, ...ETAG }), body.subarray(start)];
  });
}

/** What one publish of `corpus` changed in a cache, but for its locks. */
async function record(work: Work, home: string, url: string): Promise<Change[]> {
  const directory = join(home, 'cache');
  const trace = join(home, 'trace');
  const program = [process.execPath, fixture('cache-victim.mjs'), work, directory, join(home, 'mirror')];
  const options = ['-f', '-y', '-s', '65536', '-o', trace, '-e', `trace=${CHANGING}`];
  const victim = new Child('strace', [...options, ...program], {
    env: { UV_THREADPOOL_SIZE: '1', VICTIM_URL: url },
  });
  await victim.line('ready');
  victim.say('');
  await victim.line('done');
  await victim.exits();
  return changesIn(readFileSync(trace, 'utf8'), directory).filter(({ path }) => !path.startsWith('locks'));
}

/** The next boot is another one. */
function restart(remains: Remains, boot: string): Remains {
  const files = [...remains.files].map(([path, image]) => {
    if (image === 'directory' || !path.endsWith('state.json')) return [path, image] as const;
    const bytes = Buffer.from(image.bytes.toString('latin1').replace(boot, 'another boot'), 'latin1');
    return [path, { ...image, bytes }] as const;
  });
  return { ...remains, files: new Map(files) };
}

/** As if each state was of the data that is there: a file system may give the number of a removed file to the next one. */
function takeForTheSame(directory: string): void {
  for (const name of readdirSync(join(directory, 'partial'))) {
    const [data, state] = ['data', 'state.json'].map((each) => join(directory, 'partial', name, each));
    if (data === undefined || state === undefined || !existsSync(data) || !existsSync(state)) continue;
    const text = readFileSync(state, 'latin1');
    writeFileSync(state, text.replace(/"inode":\d+/, `"inode":${statSync(data).ino}`), 'latin1');
  }
}

async function textOf(cache: Awaited<ReturnType<typeof openCache>>): Promise<string | undefined> {
  const handle = await cache.open('corpus');
  try {
    return await handle?.readFile('utf8');
  } finally {
    await handle?.close();
  }
}

/** Whether it is the old entry, the new one, or none; the next fetches succeed, and leave nothing of what was lost. */
async function outcomeOf(directory: string, producer: Producer, where: string): Promise<string> {
  for (const name of readdirSync(join(directory, 'entries'))) {
    const text = readFileSync(join(directory, 'entries', name), 'utf8');
    expect(parseRecord(text), `${where}: a torn record`).toBeDefined();
  }
  const cache = await openCache(directory);
  const found = (await textOf(cache)) ?? MISS;
  expect([OLD, NEW, MISS], where).toContain(found);
  const entry = await cache.fetch('corpus', producer);
  expect(readFileSync(entry.path, 'utf8'), where).toBe(found === MISS ? NEW : found);
  const next = await cache.fetch('corpus', producer, { policy: 'always' });
  expect(readFileSync(next.path, 'utf8'), where).toBe(NEW);
  expect((await cache.verify()).bad, where).toEqual([]);
  expect(readdirSync(join(directory, 'partial')), where).toEqual([]);
  return found;
}

describe('every state that a power loss may leave', () => {
  it.each([
    ['temp', 'over nothing'],
    ['stream', 'over nothing'],
    ['download', 'over nothing'],
    ['download', STALE],
  ] as const)(
    'of a publish by %s %s, after each of its calls, opens as the old entry, the new one or a miss, and heals; of one that is over, as the new one [K6, G4]',
    { timeout: 3_600_000 },
    async (work, before) => {
      const home = memoryDirectory();
      const directory = join(home, 'cache');
      const server = await serving();
      const cache = await openCache(directory);
      await put(cache, 'corpus', OLD);
      await put(cache, 'other', 'another text');
      if (before === STALE) {
        const partial = new Layout(directory).partialOf('corpus');
        mkdirSync(partial);
        writeFileSync(join(partial, 'data'), 'a stale text');
      }
      const disk = new Disk(directory);
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
      const changes = await record(work, home, server.url);
      expect(changes.filter(({ call }) => call === 'sync').length).toBeGreaterThan(0);
      const producer = work === 'download' ? download(server.url, { proxy: false }) : making(NEW);
      const outcomes = new Map<string, string>();
      const copy = join(home, 'copy');
      let last = new Set<string>();
      for (const [at, change] of changes.entries()) {
        disk.apply(change);
        last = new Set();
        for (const remains of disk.remains()) {
          const { text, loss, files } = remains;
          if (!outcomes.has(text)) {
            const left = [...files.keys()].filter((path) => !path.startsWith('locks')).join(' ');
            restore(restart(remains, boot), copy);
            takeForTheSame(copy);
            const where = `after change ${at}, ${change.call} ${change.path}, having lost ${loss} that was not synced: ${left}`;
            outcomes.set(text, await outcomeOf(copy, producer, where));
            rmSync(copy, { recursive: true });
          }
          last.add(outcomes.get(text) as string);
        }
      }
      expect(new Set(outcomes.values())).toEqual(new Set([OLD, NEW, MISS]));
      expect([...last]).toEqual([NEW]);
    },
  );
});
