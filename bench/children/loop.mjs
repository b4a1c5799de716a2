// One contender of the contended benchmarks: takes the lock, holds it, pauses, again and again, and then reports three
// time stamps for each turn: asked, granted, about to release.
import { setTimeout as sleep } from 'node:timers/promises';
import { LockManager } from 'holdfast';
import lockfile from 'proper-lockfile';
import { now } from '../lib/children.mjs';

/** @type {{ subject: 'holdfast' | 'proper-lockfile', directory: string, hold: number, pause: number, index: number }} */
const { subject, directory, hold, pause } = JSON.parse(process.argv[2] ?? '{}');

const locks = new LockManager({ directory, timeout: 60_000 });
const RETRIES = { forever: true, factor: 1, minTimeout: 10, maxTimeout: 10 };

/** @type {Record<typeof subject, () => Promise<() => Promise<void>>>} */
const acquire = {
  holdfast: async () => {
    const lock = await locks.acquire('contended');
    return () => lock.release();
  },
  'proper-lockfile': () => lockfile.lock(directory, { retries: RETRIES }),
};

/** @type {number[][]} */
let turns = [];
let running = false;

process.on('message', async (message) => {
  if (message === 'stop') {
    running = false;
    return;
  }
  turns = [];
  running = true;
  while (running) {
    const asked = now();
    const release = await acquire[subject]();
    const granted = now();
    if (hold > 0) await sleep(hold);
    turns.push([asked, granted, now()]);
    await release();
    if (pause > 0) await sleep(pause);
    else await new Promise((resolve) => setImmediate(resolve)); // a loop that never lets its messages in cannot be stopped
  }
  process.send?.(turns);
});

process.send?.('ready');
