import { holdingOf, type Lock } from './lock.ts';

/** Whether others took a lock away that was not released, looked up now. */
export function isTaken(lock: Lock): boolean {
  return !holdingOf(lock).grant.isIntact();
}

/**
 * Tells once that others took a lock away, and gives nothing of it back: what is left of it, such as the lock that a permit
 * is of, goes on to keep others from what works under it. Keeps no process alive. Returns what ends the watch.
 */
export function whenTaken(lock: Lock, tell: () => void): () => void {
  const watch = holdingOf(lock).grant.watchLoss(() => {
    if (!isTaken(lock)) return;
    watch.stop();
    tell();
  });
  return () => watch.stop();
}
