import { clearTimeout, setTimeout } from '../../time/time.ts';
import { hintsOf } from './hints.ts';
import { inspect } from './inspect.ts';
import type { PortableLock } from './lock.ts';
import { Pauses } from './pauses.ts';

/** Watches a lock without contending for it; `onError` when nothing can be seen of it any more. */
export function untilFree(
  lock: PortableLock,
  onFree: () => void,
  onError: (error: unknown) => void,
): () => void {
  const pauses = new Pauses();
  const stopHints = hintsOf(lock.place.lock, () => pauses.restart());
  let timer = setTimeout(look, 0);

  function look(): void {
    clearTimeout(timer);
    try {
      if (inspect(lock).state !== 'free') {
        timer = setTimeout(look, pauses.next());
        return;
      }
    } catch (error) {
      stop();
      onError(error);
      return;
    }
    stop();
    onFree();
  }

  function stop(): void {
    clearTimeout(timer);
    stopHints();
  }

  return stop;
}
