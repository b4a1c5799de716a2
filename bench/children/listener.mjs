// The near end of the wake-up floor: reports when a bare callback learned of each close.
import { now } from '../lib/children.mjs';
import { onBareClose } from '../lib/floor.mjs';

/** @type {{ path: string }} */
const { path } = JSON.parse(process.argv[2] ?? '{}');

/** @type {number[]} */
const stamps = [];
onBareClose(path, () => stamps.push(now()));

process.on('message', () => process.send?.(stamps));
process.send?.('ready');
