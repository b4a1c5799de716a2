import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import {
  accessSync,
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { DamagedError, LinkedError, UnreadableError } from '../../errors/document-errors.ts';
import { READ_SAFELY } from '../../storage/fs/open-flags.ts';
import { Date } from '../../time/time.ts';
import { type Identity, identityOf, isSame } from './identity.ts';

/** A text that is at a path, as far as is known. */
export interface Standing {
  readonly text: string;
  /** SHA-256 of its bytes, in hex. */
  readonly hash: string;
  readonly identity: Identity;
}

/** One text that was at a path, and whose it was. */
export interface Version extends Standing {
  /** The permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** How many names the file has. */
  readonly links: number;
}

export type VersionOfBytes = Omit<Version, 'text'> & { readonly bytes: Buffer };

export interface ReadOptions {
  /** Where the file is, in the words of messages. */
  readonly shown: string;
  /** Bytes; a larger file is an error. */
  readonly maxBytes: number;
  /** A version whose text and hash are taken over where the bytes are the same. */
  readonly known?: Standing | undefined;
}

const READS = 3;
/** Bytes. What is not larger is read, encoded and compared several times in a save, and in the same memory each time. */
export const SMALL = 64 * 1024;
const [ofFile, ofText] = [Buffer.allocUnsafeSlow(SMALL), Buffer.allocUnsafeSlow(SMALL)];
const ABSENT = ['ENOENT', 'ENOTDIR'];

export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** What stands at a path, without following a link; undefined where nothing does. @throws {UnreadableError} */
export function identityAt(path: string, shown: string): Identity | undefined {
  const recordedAt = Date.now();
  const stats = lookAt(path, shown);
  return stats === undefined ? undefined : identityOf(stats, recordedAt);
}

/**
 * One version of a file, as it is now; undefined when there is no file. What is no regular file is not opened, and never
 * waited for. A version that was published by a rename is whole, at every instant and without a lock: the path leads to
 * the old file or to the new one, and a file that was opened stays the same one. A program that writes in place can be
 * met half-way; a read that saw the file change is made again, and what is left is a text that does not parse.
 *
 * @throws {UnreadableError} it is no regular file, too large, or the system refuses. @throws {DamagedError} it is no UTF-8.
 */
export function readVersion(path: string, options: ReadOptions): Version | undefined {
  const found = readBytes(path, options);
  if (found === undefined) return undefined;
  const { bytes, ...version } = found;
  const { known, shown } = options;
  return { ...version, text: known?.hash === version.hash ? known.text : decode(bytes, shown) };
}

/** The same of bytes that need not be text, which stand there until the next file is read. @throws {UnreadableError} */
export function readBytes(path: string, options: ReadOptions): VersionOfBytes | undefined {
  const { shown } = options;
  try {
    const stats = lookAt(path, shown);
    if (stats === undefined) return absent(path, shown);
    const fd = openSync(path, READ_SAFELY);
    try {
      return readOpen(fd, stats, options);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (ABSENT.includes(code)) return absent(path, shown);
    throw error instanceof UnreadableError ? error : unreadable(shown, error);
  }
}

/** What iCloud has taken from this disk is not missing: `.roles.json.icloud` stands for it until somebody needs it. */
function absent(path: string, shown: string): undefined {
  const placeholder = join(dirname(path), `.${basename(path)}.icloud`);
  if (!existsSync(placeholder)) return undefined;
  throw new UnreadableError(shown, `is not on this disk. ${IN_THE_CLOUD}`);
}

const IN_THE_CLOUD = 'Its content is in the cloud; have it downloaded, such as by opening it, and try again';

const READ_ADVICE = 'It is not taken for an empty document; let this user read it';

/** What could not be read under the lock either, which would leave its file there. @throws {UnreadableError} */
export function refuseUnreadable(path: string, shown: string): void {
  if (lookAt(path, shown) === undefined) return;
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (!ABSENT.includes(systemCode(error) ?? '')) throw unreadable(shown, error);
  }
}

function unreadable(shown: string, error: unknown): UnreadableError {
  const code = systemCode(error) ?? '';
  const advice = code === 'EDEADLK' ? IN_THE_CLOUD : READ_ADVICE;
  return new UnreadableError(shown, `cannot be read: ${code}. ${advice}`, error);
}

function lookAt(path: string, shown: string): BigIntStats | undefined {
  let stats: BigIntStats | undefined;
  try {
    stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (ABSENT.includes(systemCode(error) ?? '')) return undefined;
    throw new UnreadableError(shown, `cannot be looked at: ${systemCode(error)}. ${READ_ADVICE}`, error);
  }
  if (stats !== undefined) refuseOthers(stats, shown);
  return stats;
}

function refuseOthers(stats: BigIntStats, shown: string): void {
  if (stats.isFile()) return;
  if (stats.isSymbolicLink()) throw new LinkedError(shown);
  const kind = KINDS.find(([type]) => (Number(stats.mode) & constants.S_IFMT) === type)?.[1];
  throw new UnreadableError(shown, `is ${kind ?? 'a socket'}, and a document is a regular file`);
}

const KINDS: readonly [number, string][] = [
  [constants.S_IFDIR, 'a directory'],
  [constants.S_IFIFO, 'a FIFO'],
  [constants.S_IFCHR, 'a device'],
  [constants.S_IFBLK, 'a device'],
];

/** `looked`: what the path led to before it was opened, which need not be the same file. */
function readOpen(fd: number, looked: BigIntStats, { shown, maxBytes, known }: ReadOptions): VersionOfBytes {
  let before = looked;
  for (let read = 1; ; read++) {
    const recordedAt = Date.now();
    const size = Number(before.size);
    if (size > maxBytes)
      throw new UnreadableError(
        shown,
        `has ${size} bytes, and a document has at most ${maxBytes} (maxBytes)`,
      );
    const bytes = readInto(size > SMALL ? Buffer.allocUnsafe(size) : ofFile.subarray(0, size), fd);
    const after = fstatSync(fd, { bigint: true });
    refuseOthers(after, shown);
    const identity = identityOf(after, recordedAt);
    const isWhole = isSame(identityOf(before), identity);
    before = after;
    if (!isWhole && read <= READS) continue;
    const hash = known !== undefined && hasText(bytes, known) ? known.hash : hashOf(bytes);
    const { uid, gid, nlink, mode } = after;
    const rights = { uid: Number(uid), gid: Number(gid), mode: Number(mode) & 0o777 };
    return { bytes, hash, identity, ...rights, links: Number(nlink) };
  }
}

/** The hash of a text takes several times as long. */
function hasText(bytes: Buffer, { text, identity }: Standing): boolean {
  return identity.size === BigInt(bytes.length) && encoded(text).equals(bytes);
}

/** Its bytes, until the next text is encoded. */
export function encoded(text: string): Buffer {
  if (Buffer.byteLength(text) > SMALL) return Buffer.from(text);
  return ofText.subarray(0, ofText.write(text));
}

/** What a file begins with, as much as there is room for. */
export function readInto(bytes: Buffer, fd: number): Buffer {
  let length = 0;
  for (let count = -1; count !== 0 && length < bytes.length; length += count) {
    count = readSync(fd, bytes, length, bytes.length - length, length);
  }
  return bytes.subarray(0, length);
}

function decode(bytes: Buffer, shown: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8'); // with its byte order mark, which a save keeps
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  throw new DamagedError(shown, isUtf16 ? 'is UTF-16 text, and documents are UTF-8' : 'is no UTF-8 text');
}
