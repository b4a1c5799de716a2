import { type FSWatcher, watch } from 'node:fs';

/** Calls back when the claim at a path may have gone; never, where the system tells nothing. Returns the end of it. */
export function hintsOf(path: string, onHint: () => void): () => void {
  let watcher: FSWatcher;
  try {
    watcher = watch(path, { persistent: false }, (event) => {
      if (event === 'rename') onHint(); // `change` is a holder's sign of life
    });
  } catch {
    return () => {}; // gone already, no more watches, or none on this file system: looks find out
  }
  watcher.on('error', () => watcher.close());
  return () => watcher.close();
}
