import { channel } from 'node:diagnostics_channel';
import { Date } from '../time/time.ts';
import { listenOn } from './listening.ts';

/** What every event of a document tells. */
export interface DocumentEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The document, as it was opened. */
  readonly path: string;
  /** Of the manager whose locks it takes. */
  readonly manager: number;
}

/** The same, with what happened in words. */
export interface DocumentDetailEvent extends DocumentEvent {
  readonly detail: string;
}

/** What happens to a document, each once in each process that has it open. */
export interface DocumentChannelEvents {
  /** Another program has written the file. */
  external: DocumentEvent & { readonly hash: string; readonly writtenAt: string; readonly uid: number };
  /** This process has written the file. A change that another one finds is of whoever wrote this `hash`. */
  written: DocumentEvent & {
    readonly hash: string;
    /** The error for which its directory was not synced: a power loss may undo it. */
    readonly unsynced?: string | undefined;
  };
  conflict: DocumentDetailEvent;
  missing: DocumentDetailEvent;
  damaged: DocumentDetailEvent;
  restored: DocumentDetailEvent;
  degraded: DocumentDetailEvent;
  'backup-failed': DocumentDetailEvent;
  /** A change was not written, for the lock was not free in time. */
  'timed-out': DocumentEvent & { readonly reason: string };
  /** Changes could not be written before the process exited. */
  dropped: DocumentDetailEvent;
}

export type DocumentChannelEventName = keyof DocumentChannelEvents;

export const documentEventNames = [
  'external',
  'written',
  'conflict',
  'missing',
  'damaged',
  'restored',
  'degraded',
  'backup-failed',
  'timed-out',
  'dropped',
] as const satisfies readonly DocumentChannelEventName[];

/** The channels, named `holdfast:document:<event>`. */
const channels = Object.fromEntries(
  documentEventNames.map((name) => [name, channel(`holdfast:document:${name}`)]),
) as Record<DocumentChannelEventName, ReturnType<typeof channel>>;

/** Publishes an event if somebody listens. */
export function publishDocumentEvent<N extends DocumentChannelEventName>(
  name: N,
  facts: Omit<DocumentChannelEvents[N], 'at'>,
): void {
  if (channels[name].hasSubscribers) channels[name].publish({ at: Date.now(), ...facts });
}

/** Listens to one kind of event, from every document of this thread, as `onLockEvent` does. */
export function onDocumentEvent<N extends DocumentChannelEventName>(
  name: N,
  listener: (event: DocumentChannelEvents[N]) => void,
): () => void {
  return listenOn(channels, name, listener);
}
