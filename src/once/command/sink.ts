export type StreamName = 'stdout' | 'stderr';

/**
 * Where the output of a command goes, chunk by chunk as it comes. A promise has the next chunk wait, and with it the
 * command whose output it is. What it throws, or rejects with, says that nobody wants more.
 */
export type Sink = (chunk: Uint8Array, stream: StreamName) => void | Promise<void>;
