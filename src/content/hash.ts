import { createHash, type Hash } from 'node:crypto';
import { fstatSync, openSync, promises, readSync } from 'node:fs'; // not node:fs/promises, which takes a millisecond to load
import type { FileHandle } from 'node:fs/promises';
import { READ_SAFELY } from '../storage/fs/open-flags.ts';
import { closeQuietly } from '../storage/fs/quietly.ts';
import type { Algorithm, Digests } from './integrity.ts';

const CHUNK = 1024 * 1024;

/** Digests of the first `position` bytes of a content, by several algorithms at once; SHA-256 is one of them. */
export class Digester {
  readonly #hashes = new Map<Algorithm, Hash>();
  position = 0;

  constructor(algorithms: Iterable<Algorithm> = []) {
    this.add(['sha256', ...algorithms]);
  }

  /** Has these computed as well. Starts over if one of them is new. */
  add(algorithms: Iterable<Algorithm>): void {
    const known = this.#hashes.size;
    for (const each of algorithms) if (!this.#hashes.has(each)) this.#hashes.set(each, createHash(each));
    if (this.#hashes.size > known) this.reset();
  }

  reset(): void {
    for (const algorithm of this.#hashes.keys()) this.#hashes.set(algorithm, createHash(algorithm));
    this.position = 0;
  }

  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(bytes);
    this.position += bytes.length;
  }

  /** Of a file, from here on to `end`, or its own end. The next piece is read while one is hashed. */
  async read(file: FileHandle, end = Number.POSITIVE_INFINITY, signal?: AbortSignal): Promise<void> {
    const buffers: readonly Buffer[] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
    const readInto = (at: number, position: number) =>
      file.read(buffers[at] as Buffer, 0, Math.min(CHUNK, end - position), position);
    let reading = readInto(0, this.position);
    for (let turn = 0; ; turn = 1 - turn) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) return;
      reading = readInto(1 - turn, this.position + bytesRead);
      reading.catch(() => {}); // told of by the next turn
      this.update(buffer.subarray(0, bytesRead));
    }
  }

  /** May be asked again, also after more bytes. */
  digests(): Digests & { readonly sha256: string } {
    const entries = [...this.#hashes].map(([name, hash]) => [name, hash.copy().digest('hex')]);
    return Object.fromEntries(entries);
  }
}

/** What a file is found to hold, from its own descriptor. */
export interface Hashed {
  readonly digests: Digests & { readonly sha256: string };
  readonly size: number;
  /** As `fstat` told it before the first byte was read. */
  readonly mtimeMs: number;
}

/** Reads a file to its end: its SHA-256 and the other digests that were asked for. @throws the system's error, and the signal's reason. */
export async function hashFile(
  path: string,
  algorithms: readonly Algorithm[] = [],
  signal?: AbortSignal,
): Promise<Hashed> {
  const file = await promises.open(path, READ_SAFELY);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw Object.assign(new Error(`EINVAL: not a file, ${path}`), { code: 'EINVAL' });
    const digester = new Digester(algorithms);
    await digester.read(file, undefined, signal);
    return { digests: digester.digests(), size: digester.position, mtimeMs: stats.mtimeMs };
  } finally {
    await file.close();
  }
}

/** The SHA-256 of a file, by synchronous calls; undefined for what cannot be read to its end. */
export function hashFileSync(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, READ_SAFELY);
    if (!fstatSync(fd).isFile()) return undefined;
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let at = 0; ; ) {
      const length = readSync(fd, buffer, 0, buffer.length, at);
      if (length === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, length));
      at += length;
    }
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeQuietly(fd);
  }
}
