import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import type { Spot } from './way.ts';

interface Watched {
  readonly watcher: FSWatcher;
  /** Comparable, as `comparable` makes them. */
  names: ReadonlySet<string>;
}

/** What the system answers where a directory is gone, or about to be. */
const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/**
 * Watches names in directories. What is told is a hint and no more: which name, or what about it, is not said, for the
 * systems differ in that, and leave things out when much happens.
 */
export class Directories {
  readonly #watched = new Map<string, Watched>();
  readonly #onHint: () => void;

  constructor(onHint: () => void) {
    this.#onHint = onHint;
  }

  /**
   * Watches these spots, and nothing else from now on. Directories that are watched already stay so, without a gap.
   * Returns the system's code where it gave no watch; undefined when all are watched, or are gone already.
   */
  watch(spots: readonly Spot[]): string | undefined {
    const wanted = new Map<string, Set<string>>();
    const places = new Map<string, string>();
    for (const { directory, name, identity } of spots) {
      const key = `${identity} ${directory}`;
      places.set(key, directory);
      wanted.set(key, (wanted.get(key) ?? new Set()).add(comparable(name)));
    }
    for (const key of this.#watched.keys()) if (!wanted.has(key)) this.#forget(key);
    let refusal: string | undefined;
    for (const [key, names] of wanted) {
      const watched = this.#watched.get(key);
      if (watched === undefined) refusal = this.#begin(key, places.get(key) as string, names) ?? refusal;
      else watched.names = names;
    }
    return refusal;
  }

  close(): void {
    for (const key of this.#watched.keys()) this.#forget(key);
  }

  #begin(key: string, directory: string, names: ReadonlySet<string>): string | undefined {
    try {
      const own = comparable(basename(directory));
      const watcher = watch(directory, { persistent: false }, (_, name) => {
        // Some events of a directory itself are the last ones that its watch ever gives: it is watched anew.
        if (name === null || comparable(name) === own) this.#forget(key);
        else if (this.#watched.get(key)?.names.has(comparable(name)) !== true) return;
        this.#onHint();
      });
      watcher.on('error', () => {
        this.#forget(key);
        this.#onHint();
      });
      this.#watched.set(key, { watcher, names });
      return undefined;
    } catch (error) {
      const code = systemCode(error) ?? 'EIO';
      return GONE.includes(code) ? undefined : code;
    }
  }

  #forget(key: string): void {
    this.#watched.get(key)?.watcher.close();
    this.#watched.delete(key);
  }
}

/** A file system may tell of a name in another case, or another form of Unicode, than it was asked for. */
function comparable(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
