export type StreamName = 'stdout' | 'stderr';

/**
 * Where the output of a command goes, chunk by chunk as it comes. A promise has the next chunk wait, and with it the
 * command whose output it is. What it throws, or rejects with, says that nobody wants more.
 */
export type Sink = (chunk: Uint8Array, stream: StreamName) => void | Promise<void>;

/** Nobody reads any more: the reader of a pipe has left, or the terminal has hung up. */
export class ReaderGone extends Error {
  /** What a program ends by that goes on writing. A terminal sends it to whoever it is for, so none is to be sent for it. */
  readonly signal: 'SIGPIPE' | 'SIGHUP';
  constructor(signal: 'SIGPIPE' | 'SIGHUP') {
    super(signal === 'SIGHUP' ? 'the terminal has hung up' : 'the reader has left');
    this.signal = signal;
  }
}
