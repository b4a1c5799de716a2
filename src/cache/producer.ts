import type { Readable } from 'node:stream';
import type { NotModified } from '../content/validators.ts';
import type { EntryInfo } from './entry.ts';

/** What a producer is given. */
export interface ProducerContext {
  /** The path of a file that only this producer uses. It does not exist yet; what is written there becomes the entry. */
  readonly temp: string;
  /** Aborts when nobody waits for the entry any more, or the lock is lost. */
  readonly signal: AbortSignal;
  /** The entry there is, for a producer that can tell whether it is still current. */
  readonly previous?: EntryInfo | undefined;
  /** Tells how many bytes are made, and of how many. */
  progress(done: number, total?: number): void;
}

/**
 * Makes the bytes of an entry. It writes them to `temp` and returns nothing, or returns a stream, an async iterable, or
 * the path of a file, which is copied unless it is `temp`. A stream is ended when `signal` aborts; an iterable has to heed it
 * itself, leaves a chunk as it is until it is asked for the next one, and may use its buffer again then. `NOT_MODIFIED`: the entry there was is still current.
 */
export type Producer = (
  context: ProducerContext,
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that only writes returns nothing
) => Promise<void | string | Readable | AsyncIterable<Uint8Array> | NotModified>;
