import { type FSWatcher, watch } from 'node:fs';
import { systemCode } from '../../../errors/base.ts';
import { touch } from './touch.ts';
import type { Wake, WatchKind } from './wake.ts';

/**
 * Waking where closing a file raises no event: `fs.watch` sees the record that a release writes, and a crash is found by
 * the timer.
 */
export class WatchWake implements Wake {
  readonly backstop = 40;
  readonly touch = touch;
  #refusal: string | undefined;

  get refusal(): string | undefined {
    return this.#refusal;
  }

  watch(_fd: number, path: string, _kind: WatchKind, onHint: () => void): () => void {
    let watcher: FSWatcher;
    try {
      watcher = watch(path, { persistent: false }, () => onHint());
      this.#refusal = undefined;
    } catch (error) {
      this.#refusal = refusalOf(systemCode(error) ?? 'EIO');
      return () => {}; // the timer finds out
    }
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  }
}

/** None where the file is gone, which whoever looks at it sees. */
function refusalOf(code: string): string | undefined {
  if (code === 'ENOENT') return undefined;
  return `the system gives no file events (${code}; on Linux, see fs.inotify.max_user_instances and max_user_watches)`;
}
