import { BoundedCache } from '../../storage/bounded-cache.ts';
import { litterOf } from './litter.ts';
import type { PortableLock } from './lock.ts';

const tidied = new BoundedCache<string, true>(4096);

/** Removes, once in a process for each lock, what processes left there that died in the middle of something. */
export function tidyOnce(lock: PortableLock): void {
  const path = lock.place.lock;
  if (tidied.has(path)) return;
  tidied.set(path, true);
  for (const { remove } of litterOf(lock)) {
    try {
      remove?.();
    } catch {
      // It cannot be removed now, and is in nobody's way.
    }
  }
}
