// At each message, replaces a file so many times, so many milliseconds apart, by one with the time in it; answers with the last.
import { renameSync, writeFileSync } from 'node:fs';
import { now } from '../lib/children.mjs';

/** @type {{ path: string, count: number, apart: number }} */
const { path, count, apart } = JSON.parse(process.argv[2] ?? '{}');
const never = new Int32Array(new SharedArrayBuffer(4));

process.on('message', () => {
  let text = '';
  for (let version = 0; version < count; version++) {
    text = String(now());
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    Atomics.wait(never, 0, 0, apart);
  }
  process.send?.(text);
});
process.send?.('ready');
