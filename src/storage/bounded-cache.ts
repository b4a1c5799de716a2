/**
 * A map of what can be found out again at any time. When it is full, one more key empties it first: no order is kept for
 * an eviction that hardly ever comes, so reading costs what it costs in any map.
 */
export class BoundedCache<K, V> extends Map<K, V> {
  readonly #capacity: number;

  constructor(capacity = 1024) {
    super();
    this.#capacity = capacity;
  }

  override set(key: K, value: V): this {
    if (this.size >= this.#capacity && !this.has(key)) this.clear();
    return super.set(key, value);
  }
}
