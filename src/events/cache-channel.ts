import { channel } from 'node:diagnostics_channel';
import { Date } from '../time/time.ts';
import { listenOn } from './listening.ts';

/** What every event of a cache tells. */
export interface CacheEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The directory of the cache. */
  readonly cache: string;
}

/** The same, of one entry. */
export interface EntryEvent extends CacheEvent {
  readonly key: string;
}

/** What happens in a cache, each once in the process that does it. Spans are in milliseconds, sizes in bytes. */
export interface CacheEvents {
  /** This process makes the bytes of an entry, for all who wait. */
  'flight-started': EntryEvent;
  /** A call took what somebody else made, or failed to make, while it waited. */
  'flight-joined': EntryEvent & { readonly outcome: 'success' | 'failure' };
  published: EntryEvent & { readonly generation: number; readonly size: number; readonly took: number };
  /** A content that was changed after it was published was put aside. */
  healed: EntryEvent & { readonly content: string };
  /** Bytes were made that are not what was asked for. */
  refused: EntryEvent & { readonly reason: string };
  /** The lock of an entry is held for longer than ten minutes, which others may wait for. */
  'held-long': EntryEvent & { readonly held: number };
  pruned: CacheEvent & {
    readonly entries: number;
    readonly contents: number;
    readonly partials: number;
    readonly leftovers: number;
    readonly bytes: number;
  };
}

export type CacheEventName = keyof CacheEvents;

export const cacheEventNames = [
  'flight-started',
  'flight-joined',
  'published',
  'healed',
  'refused',
  'held-long',
  'pruned',
] as const satisfies readonly CacheEventName[];

/** The channels, named `holdfast:cache:<event>`. */
const channels = Object.fromEntries(
  cacheEventNames.map((name) => [name, channel(`holdfast:cache:${name}`)]),
) as Record<CacheEventName, ReturnType<typeof channel>>;

type Facts<N extends CacheEventName> = Omit<CacheEvents[N], 'at'>;

/** Publishes an event if somebody listens. */
export function publishCacheEvent<N extends CacheEventName>(name: N, facts: Facts<N>): void {
  if (channels[name].hasSubscribers) channels[name].publish({ at: Date.now(), ...facts });
}

/** Listens to one kind of event, from every cache of this thread, as `onLockEvent` does. */
export function onCacheEvent<N extends CacheEventName>(
  name: N,
  listener: (event: CacheEvents[N]) => void,
): () => void {
  return listenOn(channels, name, listener);
}
