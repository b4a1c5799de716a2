import { chmodSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CacheEventName, onCacheEvent } from 'holdfast';
import { expect, it, onTestFinished } from 'vitest';
import { StoppedClock } from '../support/clock.ts';
import { gate } from '../support/deadline.ts';
import { Making, making, newCache, put } from './support.ts';

const NAMES: CacheEventName[] = [
  'flight-started',
  'flight-joined',
  'published',
  'healed',
  'refused',
  'pruned',
];

function recorded(cache: string): string[] {
  const names: string[] = [];
  for (const name of NAMES) {
    onTestFinished(onCacheEvent(name, (event) => event.cache === cache && names.push(name)));
  }
  return names;
}

it('a flight is told of once when it starts and once when it is published, and each call that joins it once', async () => {
  const { cache, directory } = await newCache();
  const names = recorded(directory);
  const { opened, open } = gate();
  const made = new Making('words');
  const producer: typeof made.producer = async (context) => {
    await opened;
    return made.producer(context);
  };
  const calls = [1, 2, 3].map(() => cache.fetch('corpus', producer));
  open();
  await Promise.all(calls);
  await cache.fetch('corpus', producer);
  expect(names).toEqual(['flight-started', 'published', 'flight-joined', 'flight-joined']);
});

it('bytes that are refused, a content that heals, and a prune are told of once each, and stand in the audit log', async () => {
  const { home, directory } = await newCache();
  const { openCache } = await import('holdfast/cache');
  const log = join(home, 'log/audit');
  const cache = await openCache(directory, { audit: { path: log } });
  onTestFinished(() => cache.close());
  const names = recorded(directory);
  await expect(cache.fetch('corpus', making('words'), { size: 7 })).rejects.toThrow('7 bytes');
  expect(names.splice(0)).toEqual(['flight-started', 'refused']);
  const { path } = await put(cache, 'corpus', 'words');
  names.length = 0;
  chmodSync(path, 0o644);
  writeFileSync(path, 'WORDS');
  utimesSync(path, 1, 1);
  await cache.fetch('corpus', making('words'));
  expect(names.splice(0)).toEqual(['healed', 'flight-started', 'published']);
  await cache.prune();
  expect(names).toEqual(['pruned']);
  const lines = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.flatMap(({ event }) => (event.startsWith('cache:') ? event.slice(6) : []))).toEqual([
    'flight-started',
    'refused',
    'flight-started',
    'published',
    'healed',
    'flight-started',
    'published',
    'pruned',
  ]);
  expect(lines.find(({ event }) => event === 'cache:refused')).toMatchObject({
    resource: 'corpus',
    path: directory,
  });
});

it('a fetch that holds the lock of its key for more than ten minutes is told of once [G20]', async () => {
  const { cache, directory } = await newCache();
  const long: number[] = [];
  onTestFinished(onCacheEvent('held-long', (event) => event.cache === directory && long.push(event.held)));
  const { opened, open } = gate();
  const started = gate();
  const clock = new StoppedClock();
  const call = cache.fetch('corpus', async ({ temp }) => {
    started.open();
    await opened;
    writeFileSync(temp, 'words');
  });
  await started.opened;
  await clock.elapse(599_000);
  expect(long).toEqual([]);
  await clock.elapse(2000);
  await clock.elapse(700_000);
  expect(long).toEqual([600_000]);
  clock.resume();
  open();
  await call;
});
