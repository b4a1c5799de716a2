// Waits: for a lock that somebody else holds, or, as the floor, for nothing at all.
import { LockManager } from 'holdfast';

/** @type {{ directory: string, name?: string }} */
const { directory, name } = JSON.parse(process.argv[2] ?? '{}');

process.on('message', () => {}); // keeps the process alive
if (name !== undefined) {
  void new LockManager({ directory, timeout: Number.POSITIVE_INFINITY }).acquire(name);
}
process.send?.('ready');
