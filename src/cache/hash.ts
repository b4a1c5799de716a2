import { createHash } from 'node:crypto';
import { promises } from 'node:fs'; // not node:fs/promises, which takes a millisecond to load
import { READ_SAFELY } from '../storage/fs/open-flags.ts';
import type { Algorithm, Digests } from './integrity.ts';

const CHUNK = 1024 * 1024;

/** What a file is found to hold, from its own descriptor. */
export interface Hashed {
  readonly digests: Digests & { readonly sha256: string };
  readonly size: number;
  /** As `fstat` told it before the first byte was read. */
  readonly mtimeMs: number;
}

/**
 * Reads a file to its end: its SHA-256 and the other digests that were asked for. The next piece is read while one is
 * hashed. @throws the system's error, and the signal's reason.
 */
export async function hashFile(
  path: string,
  algorithms: readonly Algorithm[] = [],
  signal?: AbortSignal,
): Promise<Hashed> {
  const file = await promises.open(path, READ_SAFELY);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw Object.assign(new Error(`EINVAL: not a file, ${path}`), { code: 'EINVAL' });
    const hashes = [...new Set<Algorithm>(['sha256', ...algorithms])].map(
      (name) => [name, createHash(name)] as const,
    );
    const buffers: readonly Buffer[] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
    let size = 0;
    const readInto = (at: number, position: number) => file.read(buffers[at] as Buffer, 0, CHUNK, position);
    let reading = readInto(0, 0);
    for (let turn = 0; ; turn = 1 - turn) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      size += bytesRead;
      reading = readInto(1 - turn, size);
      reading.catch(() => {}); // told of by the next turn
      for (const [, hash] of hashes) hash.update(buffer.subarray(0, bytesRead));
    }
    const digests = Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest('hex')]));
    return { digests: digests as Hashed['digests'], size, mtimeMs: stats.mtimeMs };
  } finally {
    await file.close();
  }
}
