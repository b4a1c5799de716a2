// One contender of the contended benchmarks: takes the lock, holds it, pauses, again and again, and then reports four
// time stamps for each turn: asked, call returned, granted, about to release.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LockManager } from 'holdfast';
import lockfile from 'proper-lockfile';
import { now } from '../lib/children.mjs';

/** @type {{ subject: 'holdfast' | 'proper-lockfile' | 'flock', directory: string, hold: number, pause: number }} */
const { subject, directory, hold, pause } = JSON.parse(process.argv[2] ?? '{}');

const locks = new LockManager({ directory, timeout: Number.POSITIVE_INFINITY });

/** proper-lockfile waits by trying again; this often. */
const RETRIES = { forever: true, factor: 1, minTimeout: 10, maxTimeout: 10 };

/** What runs under flock(1): says when it started, and when it is about to end. */
const HELD = `echo $EPOCHREALTIME; sleep ${hold / 1e3}; echo $EPOCHREALTIME`;

/** @type {Record<typeof subject, () => Promise<number[]>>} */
const turn = {
  holdfast: () => inTurn(() => locks.acquire('contended')),
  'proper-lockfile': () =>
    inTurn(async () => ({ release: await lockfile.lock(directory, { retries: RETRIES }) })),
  flock: async () => {
    const asked = now();
    const ahead = (performance.timeOrigin + performance.now()) * 1e6 - asked; // of the monotonic clock
    const { stdout } = await promisify(execFile)('flock', [join(directory, 'flock'), 'bash', '-c', HELD]);
    return [
      asked,
      asked,
      ...stdout
        .trim()
        .split('\n')
        .map((line) => Number(line) * 1e9 - ahead),
    ];
  },
};

/** @param {() => Promise<{ release(): Promise<void> }>} acquire */
async function inTurn(acquire) {
  const asked = now();
  const acquiring = acquire();
  const queued = now();
  const lock = await acquiring;
  const granted = now();
  if (hold > 0) await sleep(hold);
  const released = now();
  await lock.release();
  return [asked, queued, granted, released];
}

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
    turns.push(await turn[subject]());
    if (pause > 0) await sleep(pause);
    else await new Promise((resolve) => setImmediate(resolve)); // a loop that never lets its messages in cannot be stopped
  }
  process.send?.(turns);
});

process.send?.('ready');
