import { litterOf } from './litter.ts';
import type { PortableLock } from './lock.ts';

const MOST_TIDIED = 4096;
const tidied = new Set<string>();

/** Removes, once in a process for each lock, what processes left there that died in the middle of something. */
export function tidyOnce(lock: PortableLock): void {
  const path = lock.place.lock;
  if (tidied.has(path)) return;
  if (tidied.size >= MOST_TIDIED) tidied.clear();
  tidied.add(path);
  for (const { remove } of litterOf(lock)) {
    try {
      remove?.();
    } catch {
      // Not to be had now; it is in nobody's way.
    }
  }
}
