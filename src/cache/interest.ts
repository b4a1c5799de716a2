import { forMany } from '../lock/on-abort.ts';

/** The calls of this thread that want one entry. What one of them fetches goes on until the last of them has gone. */
export class Interest {
  static readonly #all = new Map<string, Interest>();
  readonly #id: string;
  readonly #abort = new AbortController();
  #callers = 0;

  /** `id`: the same for all calls of one key of one cache. */
  static in(id: string): Interest {
    const found = Interest.#all.get(id) ?? new Interest(id);
    Interest.#all.set(id, found);
    return found;
  }

  private constructor(id: string) {
    this.#id = id;
    forMany(this.#abort.signal);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** One more caller; the function it gets says that the caller has gone, once or several times. */
  join(): () => void {
    this.#callers++;
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      if (--this.#callers > 0) return;
      Interest.#all.delete(this.#id);
      this.#abort.abort(new DOMException('Every caller has gone', 'AbortError'));
    };
  }
}
