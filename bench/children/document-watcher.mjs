// Watches a file whose content is the time at which it was written, and keeps how long each version took to be seen. `how`:
// `holdfast`, `document`, or, as the floor, `bare`: fs.watch on the directory; with a stat a second where it is idle.
import { readFileSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { openDocument } from 'holdfast/document';
import { watchFile } from '../../dist/document/watch/watch-file.js';
import { now } from '../lib/children.mjs';

/** @type {{ path: string, how: 'bare' | 'holdfast' | 'document', idle: boolean }} */
const { path, how, idle } = JSON.parse(process.argv[2] ?? '{}');

/** @type {number[]} */
const delays = [];
let last = readFileSync(path, 'latin1');

function look() {
  const text = readFileSync(path, 'latin1');
  if (text === last) return;
  last = text;
  delays.push(now() - Number(text));
}

if (how === 'bare') {
  watch(dirname(path), { persistent: false }, (_, name) => {
    if (name === basename(path)) look();
  });
  if (idle) setInterval(() => statSync(path, { bigint: true }), 1_000).unref();
} else if (how === 'document') {
  const document = await openDocument(path);
  document.on('external', ({ value }) => {
    last = String(value);
    delays.push(now() - Number(value));
  });
} else {
  watchFile(path, idle ? () => statSync(path, { bigint: true }) : look, { onDegraded: () => {} });
}

process.on('message', () => process.send?.({ delays, last })); // keeps the process alive, too
process.send?.('ready');
