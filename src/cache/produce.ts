import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  openSync,
  promises,
  readdirSync,
  rmSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { systemCode } from '../errors/base.ts';
import { ProducerError } from '../errors/cache-errors.ts';
import { IntegrityError } from '../errors/content-errors.ts';
import { anyOf } from '../lock/on-abort.ts';
import { O_NONBLOCK, SAFELY } from '../storage/fs/open-flags.ts';
import { removeTreeQuietly } from '../storage/fs/quietly.ts';
import type { Turn } from './call.ts';
import { NOT_MODIFIED, type NotModified } from './download/not-modified.ts';
import { DOWNLOAD, type Downloaded, type DownloadProducer } from './download/producer.ts';
import { infoOf } from './entry.ts';
import { hashFile } from './hash.ts';
import { type Digests, formatIntegrity, matches } from './integrity.ts';
import { makeWorkshop } from './layout.ts';
import type { Sight } from './look.ts';
import { PartialFile } from './partial/partial-file.ts';
import { explained } from './partial/space.ts';
import type { Producer } from './producer.ts';
import { CONTENT_MODE, type Made, stampedTime } from './publish.ts';

/** What stays in the directory of a partial from one fetch to the next. */
const KEPT = ['data', 'state.json'];

export interface Produced {
  readonly made: Made;
  readonly source: Downloaded | undefined;
}

/**
 * Has the bytes of an entry made, in a directory of the key's own, until they are complete and right. P is this process,
 * which holds the key's lock K.
 *
 *  1. What others have left in the directory is removed, but for a partial that can be gone on with: K is held, so
 *     whoever left it is dead. Where K may not exclude (another contract than `kernel`, or a degraded one), P's directory
 *     has a name of its own, nothing is removed, and nothing is gone on with.
 *  2. The partial is opened: it is a new file, or one that `PartialFile` finds it can trust. P dies: it stays.
 *  3. The producer makes the bytes. P dies: as in 2; a file at `temp` is removed by the next step 1.
 *  4. Length and integrity. Wrong: the partial is removed, the error says what was expected, and the old entry stays.
 */
export async function produce(turn: Turn, sight: Sight): Promise<Produced | NotModified> {
  const { layout, lock, producer } = turn;
  const excludes = lock.contract === 'kernel' && lock.degraded.length === 0;
  const directory = excludes
    ? layout.partialOf(turn.key)
    : `${layout.partialOf(turn.key)}.${randomBytes(8).toString('hex')}`;
  makeWorkshop(directory);
  if (excludes) sweep(directory);
  const workshop: Workshop = { directory, resume: excludes };
  const isDownload = DOWNLOAD in producer;
  try {
    return isDownload
      ? await downloaded(turn, sight, producer as unknown as DownloadProducer, workshop)
      : await made(turn, sight, producer, workshop);
  } catch (error) {
    if (!isDownload || !excludes) removeTreeQuietly(directory); // nobody goes on with it, and it may fill the disk
    throw error;
  }
}

interface Workshop {
  readonly directory: string;
  readonly resume: boolean;
}

function sweep(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!KEPT.includes(name)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

async function downloaded(
  turn: Turn,
  sight: Sight,
  producer: DownloadProducer,
  { directory, resume }: Workshop,
): Promise<Produced | NotModified> {
  const { options, integrity } = turn;
  const validators = sight.state === 'good' ? sight.record.validators : undefined;
  const partial = await PartialFile.open(directory, { resume });
  try {
    if (integrity !== undefined) partial.hash([integrity.algorithm]);
    const source = await producer[DOWNLOAD]({
      partial,
      signal: signalOf(turn),
      progress: progressOf(turn),
      ...(validators === undefined ? {} : { validators }),
      // A weak one is not for a download to decide by: it is checked at the end, as of any bytes.
      ...(options.integrity === undefined || options.allowWeak === true
        ? {}
        : { integrity: options.integrity }),
      ...(options.size === undefined ? {} : { size: options.size }),
    });
    if (source !== NOT_MODIFIED) return { made: await sealed(turn, partial), source: source as Downloaded };
    await partial.remove();
    return NOT_MODIFIED;
  } catch (error) {
    if (error instanceof IntegrityError) await partial.remove();
    throw error;
  } finally {
    await partial.close();
  }
}

async function made(
  turn: Turn,
  sight: Sight,
  producer: Producer,
  { directory }: Workshop,
): Promise<Produced | NotModified> {
  const { key, layout } = turn;
  const temp = join(directory, 'temp');
  const previous = sight.state === 'good' ? infoOf(layout, sight.record) : undefined;
  const signal = signalOf(turn);
  const result = await producer({
    temp,
    signal,
    progress: progressOf(turn),
    ...(previous === undefined ? {} : { previous }),
  });
  if (result === NOT_MODIFIED) {
    signal.throwIfAborted();
    if (previous === undefined)
      throw new ProducerError(key, 'says that nothing changed, and there was no entry');
    return NOT_MODIFIED;
  }
  const isTemp = result === undefined || (typeof result === 'string' && resolve(result) === temp);
  const own = isTemp ? await finishedFile(turn, temp, result === undefined) : undefined;
  if (own !== undefined) return { made: own, source: undefined };
  const bytes = await bytesOf(key, isTemp ? temp : result, signal);
  return { made: await pumped(turn, bytes, directory), source: undefined };
}

/**
 * What a producer returned, to be read. A stream ends when the signal aborts, whatever it waits for; anything else has to
 * heed the signal itself, as a producer does that has not returned.
 */
async function bytesOf(key: string, result: unknown, signal: AbortSignal): Promise<AsyncIterable<unknown>> {
  const given = typeof result === 'string' ? await fileAt(key, result) : result;
  const bytes = given instanceof ReadableStream ? Readable.fromWeb(given as WebStream) : given;
  if (bytes instanceof Readable) return addAbortSignal(signal, bytes).on('error', () => {}); // told of to who reads it
  if (typeof (bytes as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator] === 'function') {
    return bytes as AsyncIterable<unknown>;
  }
  throw new ProducerError(key, 'returned neither nothing, a path, a stream nor an async iterable');
}

/** Never waits for who is at the other end of what is no file. */
async function fileAt(key: string, path: string): Promise<Readable> {
  const refuse = (why: string) => new ProducerError(key, `returned the path ${path}, which ${why}`);
  const file = await promises.open(path, constants.O_RDONLY | O_NONBLOCK).catch((error: unknown) => {
    throw refuse(`cannot be read: ${systemCode(error)}`);
  });
  if ((await file.stat()).isFile()) return file.createReadStream();
  await file.close();
  throw refuse('is no file: return a stream of it');
}

/** Writes what a stream gives into the partial. */
async function pumped(turn: Turn, bytes: AsyncIterable<unknown>, directory: string): Promise<Made> {
  const { key, options, integrity } = turn;
  const partial = await PartialFile.open(directory, { resume: false });
  try {
    if (integrity !== undefined) partial.hash([integrity.algorithm]);
    if (options.size !== undefined) await partial.reserve(options.size);
    const signal = signalOf(turn);
    const progress = progressOf(turn);
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      if (!(piece instanceof Uint8Array)) throw new ProducerError(key, 'gave a chunk that is not bytes');
      await partial.write(piece);
      progress(partial.offset, options.size);
    }
    signal.throwIfAborted();
    return await sealed(turn, partial);
  } catch (error) {
    await partial.remove();
    throw error;
  } finally {
    await partial.close();
  }
}

async function sealed(turn: Turn, partial: PartialFile): Promise<Made> {
  const { fd, path, size, digests } = await partial.seal();
  check(turn, size, digests);
  return { path, size, digests, mtime: finish(fd, digests.sha256) };
}

/**
 * A file that the producer wrote itself; undefined for one that has another name as well, which is to be copied: its mode
 * and time are somebody's. One that is still written to is told by its time: a later write is found by the next look at
 * the entry.
 */
async function finishedFile(turn: Turn, temp: string, isImplied: boolean): Promise<Made | undefined> {
  let fd: number;
  try {
    fd = openSync(temp, constants.O_RDWR | SAFELY);
  } catch (error) {
    const nothing = isImplied
      ? 'returned nothing, and wrote nothing to its temp'
      : 'wrote nothing to its temp';
    const why =
      systemCode(error) === 'ENOENT' ? nothing : `left at its temp what cannot be used: ${systemCode(error)}`;
    throw new ProducerError(turn.key, why);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new ProducerError(turn.key, 'left no regular file at its temp');
    if (stats.nlink > 1) return undefined;
    fsyncSync(fd);
    const algorithms = turn.integrity === undefined ? [] : [turn.integrity.algorithm];
    const { digests, size, mtimeMs } = await hashFile(temp, algorithms, signalOf(turn));
    const now = fstatSync(fd);
    if (now.size !== size || now.mtimeMs !== mtimeMs) {
      throw new ProducerError(turn.key, 'still writes to its temp although it has returned');
    }
    check(turn, size, digests);
    return { path: temp, size, digests, mtime: finish(fd, digests.sha256) };
  } catch (error) {
    throw explained(error, temp);
  } finally {
    closeSync(fd);
  }
}

/** The content's mode, and the time that says that nobody has touched it since: as the file system tells it. */
function finish(fd: number, sha256: string): number {
  const time = stampedTime(sha256);
  fchmodSync(fd, CONTENT_MODE);
  futimesSync(fd, time, time);
  return fstatSync(fd).mtimeMs;
}

/** Step 4. @throws {IntegrityError | ProducerError} */
function check({ key, options, integrity }: Turn, size: number, digests: Digests): void {
  if (options.size !== undefined && size !== options.size) {
    throw new IntegrityError({ what: key, expected: `${options.size} bytes`, got: `${size} bytes`, size });
  }
  if (size === 0 && options.size === undefined && options.allowEmpty !== true) {
    throw new ProducerError(key, 'made no bytes; an entry is empty only with allowEmpty or size: 0');
  }
  if (integrity === undefined || matches(integrity, digests)) return;
  const { algorithm, text } = integrity;
  throw new IntegrityError({
    what: key,
    expected: text,
    got: formatIntegrity(algorithm, digests[algorithm] as string),
    size,
  });
}

function signalOf({ signal, lock }: Turn): AbortSignal {
  return anyOf([signal, lock.signal]);
}

function progressOf({ key, options }: Turn): (done: number, total?: number) => void {
  const { onProgress } = options;
  return (done, total) => onProgress?.({ key, done, ...(total === undefined ? {} : { total }) });
}
