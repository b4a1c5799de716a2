import { realpathSync, type Stats } from 'node:fs';
import { join, sep } from 'node:path';
import { fileNameOf } from '../lock/resource.ts';
import { BoundedCache } from '../storage/bounded-cache.ts';
import { statOrNothing } from '../storage/fs/stat.ts';
import type { EntryRecord } from './record.ts';

/** Whether others than the owner of a directory may write in it. */
export const SHARED = 0o022;
/** The names of what Holdfast makes for a key: whatever else lies there is somebody else's, and is left alone. */
export const OF_RECORD = /~[0-9a-f]{20}\.json$/;
export const OF_PARTIAL = /~[0-9a-f]{20}(\.failed|\.[0-9a-f]{16})?$/;
const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Names and records take long to make, next to a hit; one or two thousand bytes each. */
const MOST_PLACES = 10_000;
/** Characters of a key whose place is kept: V8 hashes very long strings by their length alone, and a map of those is a list. */
const LONGEST_PLACED = 1000;

/** What is known of one key. */
export interface Place {
  readonly name: string;
  /** The path of its record. */
  readonly path: string;
  /** The record, as this process last read it; kept from the second time on, for most keys are asked for once. */
  read: RecordRead | undefined;
  wasRead: boolean;
}

/** A record that was read, with what tells that the file is still the one it was read from. */
export interface RecordRead {
  readonly record: EntryRecord;
  readonly stats: Pick<Stats, 'dev' | 'ino' | 'size' | 'ctimeMs' | 'mtimeMs'>;
}

/** Where everything of one cache is:
 *
 * ```
 * CACHEDIR.TAG               tells backups to skip the directory
 * format                     "holdfast-cache 1"
 * locks/                     store.lock and a lock for each key: permanent files
 * entries/<name>.json        a record for each key
 * content/sha256/<aa>/<62>   bytes under their digest, mode 0444
 * content/bad/               content that was found changed, and torn records
 * partial/<name>/            what is being made, and what a fetch that ended early has left
 * partial/<name>.failed      how the last fetch failed, if it did
 * ```
 */
export class Layout {
  readonly directory: string;
  readonly entries: string;
  readonly locks: string;
  readonly partials: string;
  readonly contents: string;
  readonly bad: string;
  /** Of a file that whoever may use the cache may read: past the umask. */
  readonly fileMode: number;
  readonly #places = new BoundedCache<string, Place>(MOST_PLACES);
  readonly #shared: boolean;
  readonly #owner: number | undefined;

  /** Of a directory that exists. */
  constructor(directory: string) {
    this.directory = realpathSync.native(directory);
    const stats = statOrNothing(this.directory);
    this.#shared = ((stats?.mode ?? 0) & SHARED) !== 0;
    this.#owner = stats?.uid;
    this.fileMode = 0o600 | ((stats?.mode ?? 0) & 0o666);
    this.entries = join(this.directory, 'entries');
    this.locks = join(this.directory, 'locks');
    this.partials = join(this.directory, 'partial');
    this.contents = join(this.directory, 'content', 'sha256');
    this.bad = join(this.directory, 'content', 'bad');
  }

  placeOf(key: string): Place {
    if (key.length > LONGEST_PLACED) return this.#makePlace(key);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#makePlace(key);
      this.#places.set(key, place);
    }
    return place;
  }

  #makePlace(key: string): Place {
    const name = fileNameOf(key, readable(key));
    return { name, path: `${this.entries}${sep}${name}.json`, read: undefined, wasRead: false };
  }

  /** What all files of a key are named after. Any string is a key, and none shares its name with another. */
  nameOf(key: string): string {
    return this.placeOf(key).name;
  }

  recordOf(key: string): string {
    return this.placeOf(key).path;
  }

  /** The content with this digest, in hexadecimal. */
  contentOf(sha256: string): string {
    return `${this.contents}${sep}${sha256.slice(0, 2)}${sep}${sha256.slice(2)}`;
  }

  partialOf(key: string): string {
    return join(this.partials, this.nameOf(key));
  }

  failureOf(key: string): string {
    return join(this.partials, `${this.nameOf(key)}.failed`);
  }

  /**
   * What the lock of a key is taken on. A file beside the lock, and not a name, so that the lock gets the rights of the
   * directory: whoever may write in the cache may lock it, whatever the options it was opened with.
   */
  lockOf(key: string): { readonly file: string } {
    return { file: join(this.locks, this.nameOf(key)) };
  }

  get storeLock(): { readonly file: string } {
    return { file: join(this.locks, 'store') };
  }

  /**
   * Held shared by who uses a content, and tried by who would remove it. Contents share it by the beginning of their
   * digests, since a lock file stays for good: one that is in use keeps one in 4,096 others for a while.
   */
  pinOf(sha256: string): { readonly file: string } {
    return { file: join(this.locks, `pin-${sha256.slice(0, 3)}`) };
  }

  /** Whether a file was left by somebody who may write here: in a private cache its owner, root, or this user. */
  trusts({ uid }: Stats): boolean {
    return this.#shared || this.trustsCopy({ uid });
  }

  /** Whether a copy of a content elsewhere may be believed for its size and time, which are no secret. */
  trustsCopy({ uid }: Pick<Stats, 'uid'>): boolean {
    return uid === 0 || uid === this.#owner || uid === process.getuid?.();
  }
}

/** What people may see of a key in a file name: of a URL no user, no password and no query. */
function readable(key: string): string {
  if (!URL_LIKE.test(key)) return key;
  const [host = '', ...path] = key
    .replace(URL_LIKE, '')
    .replace(/[?#].*$/s, '')
    .split('/');
  return [host.slice(host.lastIndexOf('@') + 1), ...path].join('/');
}
