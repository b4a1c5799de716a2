import { constants, fstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { systemCode } from '../../errors/base.ts';
import { ReaderGone, type Sink } from '../../once/command/sink.ts';
import { pause } from '../../time/time.ts';
import { isWithinLine, outputIsLost, passedOn } from './text.ts';

/** Milliseconds until a reader that has had no room is tried again. */
const FULL = 5;
const NON_BLOCKING = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Standard output and error for what takes its time: a reader that stands still holds up nothing else of this process,
 * which goes on to hear of signals. Nothing is lost when the process exits after the promise.
 *
 * @throws {ReaderGone}
 */
export function outlet(): Sink {
  const writers = { stdout: writerOf(1), stderr: writerOf(2) };
  return (chunk, stream) => {
    passedOn(chunk, stream);
    return writers[stream](chunk);
  };
}

/** Has what comes next on standard output begin a line. @throws {ReaderGone} */
export async function endLine(): Promise<void> {
  if (isWithinLine('stdout')) await outlet()(Buffer.from('\n'), 'stdout');
}

type Writer = (chunk: Uint8Array) => Promise<void>;

function writerOf(descriptor: 1 | 2): Writer {
  let writer: Writer | undefined;
  return (chunk) => {
    writer ??= isSocket(descriptor) ? throughSocket(descriptor) : toDescriptor(descriptor);
    return writer(chunk);
  };
}

function toDescriptor(descriptor: 1 | 2): Writer {
  const fd = reopened(descriptor);
  return async (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      try {
        at += writeSync(fd, chunk, at);
      } catch (error) {
        const code = systemCode(error);
        if (code === 'EPIPE' || code === 'EIO') throw readerGone(descriptor);
        if (code !== 'EAGAIN') return outputIsLost(descriptor, code); // or it was closed
        await pause(FULL);
      }
    }
  };
}

/** Other processes have the same socket, and it cannot be opened anew. */
function throughSocket(descriptor: 1 | 2): Writer {
  const socket = new Socket({ fd: descriptor, readable: false, writable: true });
  socket.on('error', () => {});
  socket.unref();
  return (chunk) =>
    new Promise((resolve, reject) => {
      socket.write(chunk, (error) => (error ? reject(new ReaderGone('SIGPIPE')) : resolve()));
    });
}

/** What is behind a descriptor takes nothing more: a terminal has hung up, or the reader of anything else has left. */
export function readerGone(descriptor: 1 | 2): ReaderGone {
  return new ReaderGone(statsOf(descriptor)?.isCharacterDevice() === true ? 'SIGHUP' : 'SIGPIPE');
}

function isSocket(descriptor: number): boolean {
  return statsOf(descriptor)?.isSocket() === true;
}

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

/** The same pipe or terminal, opened anew: what is set for this descriptor does not count for other processes. */
function reopened(descriptor: number): number {
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return descriptor;
    return openSync(`/proc/self/fd/${descriptor}`, NON_BLOCKING);
  } catch {
    return descriptor;
  }
}
