import { type FSWatcher, watch } from 'node:fs';
import { touch } from './touch.ts';
import type { Wake, WatchKind } from './wake.ts';

/**
 * Waking where closing a file raises no event: `fs.watch` sees the record that a release writes, and a crash is found by
 * the timer.
 */
export class WatchWake implements Wake {
  readonly backstop = 40;
  readonly degraded = undefined;
  readonly touch = touch;

  watch(_fd: number, path: string, _kind: WatchKind, onHint: () => void): () => void {
    let watcher: FSWatcher;
    try {
      watcher = watch(path, { persistent: false }, () => onHint());
    } catch {
      return () => {}; // too many watches, or the file is gone: the timer finds out
    }
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  }
}
