import { clearInterval, setInterval } from '../../time/time.ts';
import type { LossWatch } from '../engine.ts';
import { noEvents } from './degradation.ts';
import { wake } from './wake/index.ts';
import type { WatchKind } from './wake/wake.ts';

/** How often files that the system does not watch are looked at, in milliseconds. */
const LOOK_EVERY = 250;
/** How often the others are: a directory above them that is moved away makes no event at the file. */
const LOOK_FOR_MOVES_EVERY = 1_000;

/** A file that a lock is lost with. */
export interface WatchedFile {
  readonly descriptor: number;
  readonly path: string;
  readonly kind: WatchKind;
}

/**
 * Has the files of a lock looked at when one of them changes, and by timer: often where the system watches one of them for
 * nobody. Keeps no process alive.
 */
export function watchFiles(files: readonly WatchedFile[], look: () => void): LossWatch {
  let degraded: LossWatch['degraded'];
  const stops = files.map(({ descriptor, path, kind }) => {
    const stop = wake().watch(descriptor, path, kind, look);
    const { refusal } = wake();
    if (refusal !== undefined) {
      degraded ??= noEvents(path, refusal, `a loss of the lock is noticed by timer, every ${LOOK_EVERY} ms`);
    }
    return stop;
  });
  const timer = setInterval(look, degraded === undefined ? LOOK_FOR_MOVES_EVERY : LOOK_EVERY).unref();
  const stop = () => {
    clearInterval(timer);
    for (const each of stops) each();
  };
  return { degraded, stop };
}
