import { type Digests, formatIntegrity, type Integrity, matches } from '../content/integrity.ts';
import { Fault, mismatch } from './fault.ts';

/** What the bytes must be, by whoever said so. */
export class Expected {
  readonly integrities: readonly Integrity[];
  readonly #sizes: readonly number[];
  readonly #most: number;

  constructor(
    integrities: readonly (Integrity | undefined)[],
    sizes: readonly (number | undefined)[],
    most = Number.POSITIVE_INFINITY,
  ) {
    this.integrities = integrities.filter((each) => each !== undefined);
    this.#sizes = sizes.filter((each) => each !== undefined);
    this.#most = most;
  }

  /** Whether a body that ended too early would be found out. */
  get tellsTheEnd(): boolean {
    return this.integrities.length > 0 || this.#sizes.length > 0;
  }

  /** The size that was given. */
  get size(): number | undefined {
    return this.#sizes[0];
  }

  /** @throws {Fault} when so many bytes, the whole, cannot be right. */
  checkSize(size: number): void {
    const wrong = this.#sizes.find((each) => each !== size);
    if (wrong !== undefined) throw mismatch({ expected: `${wrong} bytes`, got: `${size} bytes`, size });
    this.checkMost(size);
  }

  /** @throws {Fault} when so many bytes, of which there may be more, are too many. */
  checkMost(size: number): void {
    const exceeded = this.#sizes.find((each) => size > each);
    if (exceeded !== undefined) {
      throw mismatch({ expected: `${exceeded} bytes`, got: `more than ${exceeded} bytes`, size });
    }
    if (size <= this.#most) return;
    throw new Fault(`it has more than ${this.#most} bytes`, {
      next: 'Allow more (maxBytes), or check the address',
    });
  }

  /** Whether bytes of which this is known are the right ones. */
  isMetBy({ digests, size }: { readonly digests: Digests; readonly size: number }): boolean {
    return this.#sizes.every((each) => each === size) && this.differs({ digests }) === undefined;
  }

  /** The digest of the first integrity that these are not of; undefined when they are right. */
  differs({
    digests,
  }: {
    readonly digests: Digests;
  }): { readonly wanted: Integrity; readonly got: string } | undefined {
    const wanted = this.integrities.find((each) => !matches(each, digests));
    if (wanted === undefined) return undefined;
    return { wanted, got: formatIntegrity(wanted.algorithm, digests[wanted.algorithm] ?? '') };
  }
}
