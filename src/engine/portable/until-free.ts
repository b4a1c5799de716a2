import { clearTimeout, setTimeout } from '../../time/time.ts';
import { hintsOf } from './hints.ts';
import { inspect } from './inspect.ts';
import type { PortableLock } from './lock.ts';
import { Pauses } from './pauses.ts';

/** Watches a lock without contending for it. */
export function untilFree(lock: PortableLock, onFree: () => void): () => void {
  const pauses = new Pauses();
  const stopHints = hintsOf(lock.place.lock, () => pauses.restart());
  let timer = setTimeout(look, 0);

  function look(): void {
    clearTimeout(timer);
    if (inspect(lock).state === 'free') {
      stop();
      onFree();
    } else {
      timer = setTimeout(look, pauses.next());
    }
  }

  function stop(): void {
    clearTimeout(timer);
    stopHints();
  }

  return stop;
}
