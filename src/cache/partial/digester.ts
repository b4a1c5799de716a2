import { createHash, type Hash } from 'node:crypto';
import type { Algorithm, Digests } from '../integrity.ts';

/** Digests of the first `position` bytes of a content, by several algorithms at once. */
export class Digester {
  readonly #hashes = new Map<Algorithm, Hash>();
  #position = 0;

  constructor() {
    this.#hashes.set('sha256', createHash('sha256'));
  }

  /** Bytes that are hashed. */
  get position(): number {
    return this.#position;
  }

  /** Has these algorithms computed as well. Starts over if one of them is new. */
  add(algorithms: Iterable<Algorithm>): void {
    const known = this.#hashes.size;
    for (const each of algorithms) if (!this.#hashes.has(each)) this.#hashes.set(each, createHash(each));
    if (this.#hashes.size > known) this.reset();
  }

  reset(): void {
    for (const algorithm of this.#hashes.keys()) this.#hashes.set(algorithm, createHash(algorithm));
    this.#position = 0;
  }

  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(bytes);
    this.#position += bytes.length;
  }

  /** May be asked again, also after more bytes. */
  digests(): Digests & { readonly sha256: string } {
    const entries = [...this.#hashes].map(([name, hash]) => [name, hash.copy().digest('hex')]);
    return Object.fromEntries(entries);
  }
}
