import { randomBytes } from 'node:crypto';
import { accessSync, constants, fstatSync, futimesSync, promises, readdirSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { type Digests, formatIntegrity, matches } from '../content/integrity.ts';
import { openToWrite } from '../content/partial/data-file.ts';
import { PartialFile } from '../content/partial/partial-file.ts';
import { isNotModified, NOT_MODIFIED, type NotModified } from '../content/validators.ts';
import { DOWNLOAD, type Downloaded, type ResumingProducer } from '../download/producer.ts';
import { systemCode } from '../errors/base.ts';
import { ProducerError } from '../errors/cache-errors.ts';
import { explained, IntegrityError } from '../errors/content-errors.ts';
import { printable } from '../errors/describe.ts';
import { given } from '../lock/known-options.ts';
import type { Lock } from '../lock/lock.ts';
import { makeOwnDirectory } from '../storage/directory.ts';
import { O_NONBLOCK } from '../storage/fs/open-flags.ts';
import { completeFile, openUpOwn } from '../storage/fs/rights.ts';
import { clearInside, clearInsideQuietly } from '../storage/remove-inside.ts';
import { absolute } from '../storage/working-directory.ts';
import { fits, type Turn } from './call.ts';
import { infoOf } from './entry.ts';
import type { Layout } from './layout.ts';
import type { Sight } from './look.ts';
import { CONTENT_MODE, type Made, stampedTime } from './publish.ts';
import type { PresentRecord } from './record.ts';
import { refused } from './refused.ts';

const MEBIBYTE = 1024 * 1024;
/** What stays in the directory of a partial from one fetch to the next. */
const KEPT = ['data', 'state.json'];

export interface Produced {
  readonly made: Made;
  readonly source: Downloaded | undefined;
}

/** Whether nobody else can hold this lock, so that what lies in the key's directory was left by the dead. */
export function excludes({ contract, degraded }: Lock): boolean {
  return contract === 'kernel' && degraded.length === 0;
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
 *  4. Length and integrity. Wrong: the partial is removed, the error says what was expected, and the old entry stays. So it
 *     is when step 3 failed before there was anything that a later download could go on with.
 */
export async function produce(turn: Turn, sight: Sight): Promise<Produced | NotModified> {
  const { layout, lock, key, producer } = turn;
  const isAlone = excludes(lock);
  const directory = layout.partialOf(key) + (isAlone ? '' : `.${randomBytes(8).toString('hex')}`);
  const isDownload = DOWNLOAD in producer;
  let partial: PartialFile | undefined;
  const drop = async () => {
    await partial?.close();
    if (isAlone && isLost(lock)) return; // it may be of whoever has the lock now
    clearInsideQuietly(layout.directory, directory); // nobody goes on with it, and it may fill the disk
  };
  try {
    partial = await room(turn, directory, isDownload);
    turn.signal.throwIfAborted();
    const source = partial && (await downloaded(turn, sight, producer as ResumingProducer, partial));
    partial ??= await made(turn, sight, directory);
    if (!isNotModified(source) && partial !== undefined) {
      return { made: await sealed(turn, partial), source };
    }
    await drop();
    return NOT_MODIFIED;
  } catch (error) {
    if (!isDownload || !isAlone || error instanceof IntegrityError || isOfNoUse(turn, partial)) await drop();
    turn.signal.throwIfAborted(); // a stream that it ends tells of its end alone
    throw error;
  } finally {
    await partial?.close();
  }
}

/** Whether a download has left nothing to go on with: no byte, or none of which it is known where they are from. */
function isOfNoUse({ lock }: Turn, partial: PartialFile | undefined): boolean {
  if (partial === undefined || isLost(lock)) return false; // it may be of whoever has the lock now
  return partial.state === undefined || partial.offset === 0;
}

function isLost(lock: Lock): boolean {
  try {
    lock.assertHeld();
    return false;
  } catch {
    return true;
  }
}

/** Steps 1 and 2. */
async function room(
  { layout, lock }: Turn,
  directory: string,
  isDownload: boolean,
): Promise<PartialFile | undefined> {
  try {
    makeOwnDirectory(directory);
    openUpOwn(directory);
    accessSync(directory, constants.W_OK | constants.X_OK); // where another user has made it, no producer could write there
    if (excludes(lock)) sweep(layout, directory);
    return isDownload ? await PartialFile.open(directory, { resume: excludes(lock) }) : undefined;
  } catch (error) {
    throw explained(refused(layout, error), directory);
  }
}

function sweep(layout: Layout, directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!KEPT.includes(name)) clearInside(layout.directory, join(directory, name));
  }
}

function downloaded(
  turn: Turn,
  sight: Sight,
  producer: ResumingProducer,
  partial: PartialFile,
): Promise<Downloaded | NotModified> {
  const { integrity, allowWeak, size } = turn.options;
  if (turn.integrity !== undefined) partial.hash([turn.integrity.algorithm]);
  return producer[DOWNLOAD]({
    partial,
    signal: turn.signal,
    progress: turn.progress,
    ...given({
      entry: entryIn(turn, sight),
      // A weak one is not for a download to decide by: it is checked at the end, as of any bytes.
      integrity: allowWeak === true ? undefined : integrity,
      size,
    }),
  });
}

/** The entry there is, for a producer that may say that it is still current: one that the call can use. */
function entryIn(turn: Turn, sight: Sight): PresentRecord | undefined {
  return sight.state === 'good' && fits(turn, sight.record) ? sight.record : undefined;
}

/** Undefined: the entry there was is still current. */
async function made(turn: Turn, sight: Sight, directory: string): Promise<PartialFile | undefined> {
  const { key, layout, lock, producer, signal, progress } = turn;
  const temp = join(directory, 'temp');
  const entry = entryIn(turn, sight);
  const previous = entry && infoOf(layout, entry);
  const result = await producer({ temp, signal, progress, ...given({ previous }) });
  lock.assertHeld(); // else what lies there may be of whoever has it now
  if (isNotModified(result)) {
    signal.throwIfAborted();
    if (previous !== undefined) return undefined;
    throw new ProducerError(key, 'says that nothing changed, and there was no entry');
  }
  const isTemp = result === undefined || (typeof result === 'string' && absolute(result) === temp);
  const own = isTemp ? await written(key, temp, result === undefined) : undefined;
  return own ?? pumped(turn, await bytesOf(key, isTemp ? temp : result, signal), directory);
}

/**
 * A file that the producer wrote itself; undefined for one that has another name as well, which is to be copied: its mode
 * and time are somebody's.
 */
async function written(key: string, temp: string, isImplied: boolean): Promise<PartialFile | undefined> {
  const file = await opened(key, temp, openToWrite(temp), (code) =>
    code !== 'ENOENT'
      ? `left at its temp what cannot be used: ${code}`
      : `${isImplied ? 'returned nothing, and ' : ''}wrote nothing to its temp`,
  );
  const stats = await file.stat();
  if (stats.nlink === 1) return PartialFile.adopt(temp, file, stats);
  await file.close();
  return undefined;
}

/**
 * What a producer returned, to be read. A stream ends when the signal aborts, whatever it waits for; anything else has to
 * heed the signal itself, as a producer does that has not returned.
 */
async function bytesOf(key: string, result: unknown, signal: AbortSignal): Promise<AsyncIterable<unknown>> {
  const source = typeof result === 'string' ? await streamOf(key, result) : result;
  const bytes = source instanceof ReadableStream ? Readable.fromWeb(source as WebStream) : source;
  if (bytes instanceof Readable) return addAbortSignal(signal, bytes).on('error', () => {}); // told of to who reads it
  if (typeof (bytes as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator] === 'function') {
    return bytes as AsyncIterable<unknown>;
  }
  throw new ProducerError(key, 'returned neither nothing, a path, a stream nor an async iterable');
}

/** Never waits for who is at the other end of what is no file. */
async function streamOf(key: string, path: string): Promise<Readable> {
  const what = path === '' ? 'an empty path' : `the path ${printable(path)}`;
  const refuse = (code: string) => `returned ${what}, which cannot be read: ${code}`;
  const reading = promises.open(path, constants.O_RDONLY | O_NONBLOCK);
  return (await opened(key, path, reading, refuse)).createReadStream({ highWaterMark: MEBIBYTE });
}

async function opened(
  key: string,
  path: string,
  opening: Promise<FileHandle>,
  refuse: (code: string) => string,
): Promise<FileHandle> {
  const file = await opening.catch((error: unknown) => {
    throw new ProducerError(key, refuse(systemCode(error) ?? printable(String(error))), error);
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new ProducerError(key, `made ${printable(path)}, which is no file: return a stream of it`);
}

/** Writes what a stream gives into the partial. */
async function pumped(turn: Turn, bytes: AsyncIterable<unknown>, directory: string): Promise<PartialFile> {
  const { key, options, integrity, signal, progress } = turn;
  const partial = await PartialFile.open(directory, { resume: false });
  try {
    if (integrity !== undefined) partial.hash([integrity.algorithm]);
    if (options.size !== undefined) await partial.reserve(options.size);
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      if (!(piece instanceof Uint8Array)) throw new ProducerError(key, 'gave a chunk that is not bytes');
      checkMost(turn, partial.offset + piece.length);
      await partial.write(piece);
      progress(partial.offset, options.size);
    }
    signal.throwIfAborted();
    return partial;
  } catch (error) {
    await partial.close();
    throw error;
  }
}

/** One that is still written to is told by its time: a later write is found by the next look at the entry. */
async function sealed(turn: Turn, partial: PartialFile): Promise<Made> {
  const { key, integrity } = turn;
  const { path, fd, adopted } = partial;
  if (integrity !== undefined) partial.hash([integrity.algorithm]);
  const { size, digests } = await partial.seal(turn.signal);
  const now = fstatSync(fd);
  if (now.size !== size || now.mtimeMs !== (adopted?.mtimeMs ?? now.mtimeMs)) {
    throw ProducerError.ofWriting(key);
  }
  check(turn, size, digests);
  const time = stampedTime(digests.sha256);
  completeFile(fd, path, CONTENT_MODE);
  futimesSync(fd, time, time);
  const { dev, ino, mtimeMs: mtime } = fstatSync(fd); // as the file system tells it
  return { path, dev, ino, size, digests, mtime };
}

/** A stream that is too long may have no end. @throws {IntegrityError} */
function checkMost({ key, options }: Turn, size: number): void {
  if (options.size === undefined || size <= options.size) return;
  const expected = `${options.size} bytes`;
  throw new IntegrityError({ what: key, expected, got: `more than ${expected}`, size });
}

/** Step 4. @throws {IntegrityError | ProducerError} */
function check({ key, options, integrity }: Turn, size: number, digests: Digests): void {
  if (options.size !== undefined && size !== options.size) {
    throw new IntegrityError({ what: key, expected: `${options.size} bytes`, got: `${size} bytes`, size });
  }
  if (size === 0 && options.size === undefined && options.allowEmpty !== true) {
    throw ProducerError.ofNothing(key);
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
