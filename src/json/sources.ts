import type { Json } from './json.ts';
import { Literal } from './literal.ts';

/**
 * What each object and list of a draft was made of, and what it says with doubles in place of literals. Those that no number
 * is to be told apart in are left out.
 */
export class Sources {
  /** Of the draft, of the same with doubles, and of copies of the draft. */
  readonly #sources = new Map<unknown, Json>();
  readonly #plain = new Map<Json, Json>();

  add(drafted: object, source: Json, plain: Json): void {
    this.#sources.set(drafted, source).set(plain, source);
    this.#plain.set(source, plain);
  }

  of(value: unknown): Json | undefined {
    return this.#sources.get(value);
  }

  /** A source with doubles, without a copy. */
  plain(source: Json | undefined): Json | undefined {
    if (source instanceof Literal) return source.valueOf();
    return this.#plain.get(source as Json) ?? source;
  }

  /** What to compare a value with: what its own source says, or what was in its place, unless that is another source. */
  before(value: object, place: Json | undefined): Json | undefined {
    const source = this.#sources.get(value);
    if (source !== undefined) return this.#plain.get(source);
    return this.#sources.has(place) ? undefined : place;
  }

  /** Has a copy be known by what it is a copy of. */
  copied(value: object, copy: Json): void {
    const source = this.#sources.get(value);
    if (source !== undefined) this.#sources.set(copy, source);
  }
}
