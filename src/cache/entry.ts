import type { PartialInfo } from '../content/partial/state.ts';
import type { Validators } from '../content/validators.ts';
import type { HolderRecord } from '../identity/holder.ts';
import type { Layout } from './layout.ts';
import type { PresentRecord, Publisher } from './record.ts';

/** An entry as it was seen. */
export interface EntryInfo {
  readonly key: string;
  /**
   * The content, read-only. Stays for `graceMs` after its last use and then until the next `prune`; a mirror, `open` or
   * `use` keeps the bytes for longer.
   */
  readonly path: string;
  /** Hashes in the form of Subresource Integrity. */
  readonly integrity: string;
  /** Bytes. */
  readonly size: number;
  /** Rises with every publish of the key. */
  readonly generation: number;
  /** When the bytes were made. ISO 8601, as all times here. */
  readonly produced: string;
  /** When they were last known to be current. */
  readonly checked: string;
  readonly producedBy: Publisher;
  readonly validators?: Validators | undefined;
  /** Where the bytes came from, without secrets. */
  readonly url?: string | undefined;
}

/** How a mirror came to be. `kept`: it was there already. */
export type MirroredBy = 'reflink' | 'link' | 'copy' | 'kept';

/** What `fetch` gives. */
export interface Entry extends EntryInfo {
  /** This call made no bytes itself, and waited for none. */
  readonly fromCache: boolean;
  /** The bytes were made by somebody else while this call waited. */
  readonly joined: boolean;
  /** The refresh failed, and this is what was there before (`staleIfError`). */
  readonly stale: boolean;
  readonly mirror?: string | undefined;
  readonly mirroredBy?: MirroredBy | undefined;
}

/** What is to be seen of a key whose entry is being made. */
export interface Flight {
  /** The path of the lock that whoever makes it holds. */
  readonly lock: string;
  /** None when nobody makes it. */
  readonly holders: readonly HolderRecord[];
  /** What is there of it; also of one that ended early. */
  readonly partial?: PartialInfo | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A hit makes one: field by field, because spreading takes as long as a system call. */
export function infoOf(layout: Layout, record: PresentRecord): EntryInfo {
  const { key, integrity, size, generation, produced, checked, by, validators, url } = record;
  const path = layout.contentOf(record.content);
  const info: Writable<EntryInfo> = {
    key,
    path,
    integrity,
    size,
    generation,
    produced,
    checked,
    producedBy: by,
  };
  if (validators !== undefined) info.validators = validators;
  if (url !== undefined) info.url = url;
  return info;
}

export function entryOf(layout: Layout, { record, from }: Outcome, target?: string, by?: MirroredBy): Entry {
  const entry = infoOf(layout, record) as Writable<Entry>;
  entry.fromCache = from === 'cache' || from === 'stale';
  entry.joined = from === 'shared';
  entry.stale = from === 'stale';
  if (target !== undefined) entry.mirror = target;
  if (by !== undefined) entry.mirroredBy = by;
  return entry;
}

/** What a call came to. */
export interface Outcome {
  readonly record: PresentRecord;
  /** `own`: it made the bytes. `shared`: it waited while somebody made them. `cache`: they were there. */
  readonly from: 'own' | 'shared' | 'cache' | 'stale';
}
