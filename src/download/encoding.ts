import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { type Integrity, matches } from '../content/integrity.ts';
import { Fault, faultOf } from './fault.ts';

const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

export const DECODABLE = 'gzip, deflate, br';

/**
 * Undoes a `Content-Encoding`.
 *
 * @throws {Fault} for an encoding that is not known, and for bytes that are not in it or end too early.
 */
export async function* decoded(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const make = DECODERS.get(encoding.toLowerCase());
  if (make === undefined)
    throw new Fault(`its Content-Encoding (${encoding}) cannot be undone`, { next: 'Leave out decode' });
  try {
    yield* pipeline(chunks, make(), () => {}) as AsyncIterable<Buffer>;
  } catch (error) {
    throw faultOf(error);
  }
}

/** Bytes that are decoded for the sake of a better message: a few sent ones can stand for any number. */
const MOST_TRIED = 256 * 1024 * 1024;

/** Whether a file matches once its encoding is undone. False also when it cannot be, or is large then. */
export async function matchesDecoded(
  path: string,
  encoding: string,
  integrity: Integrity,
  signal: AbortSignal,
): Promise<boolean> {
  const hash = createHash(integrity.algorithm);
  let size = 0;
  try {
    for await (const chunk of decoded(createReadStream(path, { signal }), encoding)) {
      size += chunk.length;
      if (size > MOST_TRIED) return false;
      hash.update(chunk);
    }
  } catch {
    return false;
  }
  return matches(integrity, { [integrity.algorithm]: hash.digest('hex') });
}
