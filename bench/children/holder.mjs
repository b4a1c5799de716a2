// Holds a lock until it is killed.
import { LockManager } from 'holdfast';

/** @type {{ directory: string, name: string }} */
const { directory, name } = JSON.parse(process.argv[2] ?? '{}');

await new LockManager({ directory }).acquire(name);
process.on('message', () => {}); // keeps the process alive
process.send?.('holding');
