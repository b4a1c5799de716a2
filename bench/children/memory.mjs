// Reports what many held locks, or many waits for one, add to the memory of a process.
import { LockManager } from 'holdfast';

/** @type {{ directory: string, count: number, what: 'held' | 'waiting' }} */
const { directory, count, what } = JSON.parse(process.argv[2] ?? '{}');
const locks = new LockManager({ directory, timeout: 3_600_000 });

process.on('message', async () => {
  /** @type {unknown[]} */
  const kept = [await locks.acquire('contended')];
  const before = measure();
  for (let i = 0; i < count; i++) {
    kept.push(what === 'held' ? await locks.acquire(`name ${i}`) : locks.acquire('contended'));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  const after = measure();
  process.send?.({
    kept: kept.length,
    heap: (after.heapUsed - before.heapUsed) / count,
    external: (after.arrayBuffers - before.arrayBuffers) / count,
    resident: (after.rss - before.rss) / count,
  });
});
process.send?.('ready');

function measure() {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage();
}
