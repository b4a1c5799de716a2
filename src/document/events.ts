import type { BackupError } from '../errors/backup-error.ts';
import type { ConflictError, DamagedError, UnreadableError } from '../errors/document-errors.ts';
import { publishDocumentEvent } from '../events/document-channel.ts';
import type { HolderRecord } from '../identity/holder.ts';
import { callback, check, namesOf, oneOf } from '../lock/known-options.ts';
import { runAlone } from '../lock/on-abort.ts';
import type { Date } from '../time/time.ts';
import type { Restored } from './recovery/recovery.ts';

/** What a document tells, each once. */
export interface DocumentEvents<T> {
  /** The lock is held by others. Told again when the place in the queue is another. */
  waiting: { readonly holders: readonly HolderRecord[]; readonly position: number; readonly waited: number };
  /** `read()` gives another value now. */
  change: { readonly value: T; readonly origin: 'own' | 'external' };
  /** Another program has written the file. `read()` gives the new value unless `follow` is `manual` or edits are unsaved. */
  external: { readonly value: T; readonly hash: string; readonly writtenAt: Date; readonly uid: number };
  /** A save met changes of others in the same places; it rejects with this error. */
  conflict: ConflictError;
  /** The file is gone, for 300 ms at least. `read()` still gives the last value. */
  missing: { readonly path: string };
  /** The file cannot be read as a document any more. `read()` still gives the last whole value. */
  damaged: DamagedError | UnreadableError;
  /** The document is whole again after it was damaged or missing, or a backup took its place. `recovery`: which, and how. */
  restored: { readonly origin: 'own' | 'external'; readonly recovery: Restored | undefined };
  degraded: { readonly reason: string; readonly detail: string };
  'backup-failed': BackupError;
}

export type DocumentEventName = keyof DocumentEvents<unknown>;

type Listener = (event: never) => void;

const EVENT = oneOf(
  ...namesOf<DocumentEvents<unknown>>({
    waiting: true,
    change: true,
    external: true,
    conflict: true,
    missing: true,
    damaged: true,
    restored: true,
    degraded: true,
    'backup-failed': true,
  }),
);

/** The listeners of one document. What one of them throws becomes an `uncaughtException`, and disturbs nobody else. */
export class Listeners<T> {
  readonly #all = new Map<DocumentEventName, Set<Listener>>();

  /** @throws {InputError} */
  add<N extends DocumentEventName>(name: N, listener: (event: DocumentEvents<T>[N]) => void): () => void {
    check('event', name, EVENT);
    check('listener', listener, callback);
    const own = (event: DocumentEvents<T>[N]) => listener(event);
    const listeners = this.#all.get(name) ?? new Set();
    this.#all.set(name, listeners.add(own));
    return () => void listeners.delete(own);
  }

  has(name: DocumentEventName): boolean {
    return (this.#all.get(name)?.size ?? 0) > 0;
  }

  emit<N extends DocumentEventName>(name: N, event: DocumentEvents<T>[N]): void {
    const listeners = [...(this.#all.get(name) ?? [])] as ((event: DocumentEvents<T>[N]) => void)[];
    for (const listener of listeners) runAlone(() => listener(event));
  }
}

const LOGGED: readonly string[] = ['conflict', 'missing', 'damaged', 'restored', 'degraded', 'backup-failed'];

/** Has an event told to those who listen to all documents; `external` says more there, and is told by itself. */
export function log(
  name: DocumentEventName,
  event: unknown,
  facts: { readonly path: string; readonly manager: number },
): void {
  if (!LOGGED.includes(name)) return;
  const { message, detail, recovery, origin } = event as Readonly<Record<string, unknown>> & {
    readonly recovery?: Restored;
  };
  const backup = recovery === undefined ? undefined : `from ${recovery.backup}`;
  publishDocumentEvent(name as 'conflict', {
    ...facts,
    detail: String(message ?? detail ?? backup ?? origin ?? ''),
  });
}
