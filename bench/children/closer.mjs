// The other end of the wake-up floor: opens a file for writing and closes it, and reports when each close began.
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../lib/children.mjs';

/** @type {{ path: string, count: number, pause: number }} */
const { path, count, pause } = JSON.parse(process.argv[2] ?? '{}');

process.on('message', async () => {
  const stamps = [];
  for (let i = 0; i < count; i++) {
    const fd = openSync(path, 'r+');
    await sleep(pause);
    stamps.push(now());
    closeSync(fd);
  }
  process.send?.(stamps);
});

process.send?.('ready');
