// Waits for a lock each time it is told to, and reports when it got it and whether it was told to repair; once more
// after the release, when nobody died in between.
import { LockManager } from 'holdfast';
import { now } from '../lib/children.mjs';

/** @type {{ directory: string, name: string }} */
const { directory, name } = JSON.parse(process.argv[2] ?? '{}');
const locks = new LockManager({ directory, timeout: Number.POSITIVE_INFINITY });

process.on('message', async () => {
  const lock = await locks.acquire(name);
  const granted = now();
  await lock.release();
  const again = await locks.acquire(name);
  await again.release();
  process.send?.({ granted, recovered: lock.recovered, recoveredAgain: again.recovered });
});
process.send?.('ready');
