import { BackupError } from '../../errors/backup-error.ts';
import { Date, performance } from '../../time/time.ts';
import { Copies } from './copies.ts';
import { type BackupOptions, type BackupPolicy, policyOf } from './policy.ts';
import { type BackupReason, Reasons } from './reasons.ts';
import { outdated } from './rotation.ts';

export interface Backup {
  /** `roles.json.20261127T194201.123Z.bak`, beside the document. */
  readonly name: string;
  readonly time: Date;
  /** Bytes. */
  readonly size: number;
  /** Undefined where that is no longer known. */
  readonly reason: BackupReason | undefined;
}

/** Why a backup is made that says nothing of when the next one is due. */
const UNASKED: readonly BackupReason[] = ['interrupted', 'overwrite', 'conflict'];
/** Of corrupt files; those are not made by a clock, but by accidents. */
const MOST_CORRUPT = 10;

/**
 * The backups of one document, beside it: copies of texts that were read, never links, for what is written into an old file
 * later must not reach them.
 *
 * All that changes something is for the holder of the document's lock. What dies in here leaves a backup that is not whole, at
 * worst, which recovery passes over; no step touches the document.
 */
export class Backups {
  readonly #path: string;
  readonly #policy: BackupPolicy;
  readonly #copies: Copies;
  readonly #corrupt: Copies;
  readonly #reasons: Reasons;
  #last: number | undefined;

  /** `path`: of the document itself, not of a link. @throws {InputError} for an option that cannot be used. */
  constructor(path: string, options: BackupOptions = {}) {
    this.#path = path;
    this.#policy = policyOf(options);
    this.#copies = new Copies(path, 'bak');
    this.#corrupt = new Copies(path, 'corrupt');
    this.#reasons = new Reasons(path);
  }

  /** Whether one is to be made: for a save, the first time, and once the interval is over; for all else, always. */
  isDue(reason: BackupReason): boolean {
    if (reason !== 'save' || this.#last === undefined) return true;
    return performance.now() - this.#last >= this.#policy.interval;
  }

  /**
   * Makes a backup of a text; returns the name of the one that has it. That is the newest there was, if it has the same
   * text. One for a save may be lost to a power cut; any other one is on the disk when this returns.
   *
   * @throws {BackupError}; after one for a save, no other save tries it before the interval is over.
   */
  write(text: string | Uint8Array, reason: BackupReason): string {
    if (!UNASKED.includes(reason)) this.#last = performance.now();
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    try {
      return this.#newestIfSame(bytes, reason) ?? this.#make(bytes, reason);
    } catch (error) {
      throw new BackupError(this.#path, error);
    }
  }

  /**
   * A copy for as long as the document is overwritten in place, on the disk when this returns. What it returns removes the copy,
   * unless that was a backup before.
   *
   * @throws {BackupError}
   */
  spare(text: string): () => void {
    const [newest] = this.#copies.list();
    const name = this.write(text, 'overwrite');
    return () => {
      try {
        if (name !== newest?.name) this.#copies.remove(name);
      } catch {
        // The next rotation removes it.
      }
    };
  }

  /** The newest first. Whether each is whole is known to who reads it. */
  list(): Backup[] {
    const reasons = this.#reasons.read();
    return this.#copies.list().map(({ name, time, size }) => {
      return { name, time: new Date(time), size, reason: reasons.get(name) };
    });
  }

  /** Whether a backup has this text. @throws the system's error when one cannot be read. */
  has(text: string): boolean {
    const bytes = Buffer.from(text);
    return this.#copies.list().some((copy) => this.#copies.has(copy, bytes));
  }

  /** What a backup has; undefined when there is none of this name. @throws the system's error when it cannot be read. */
  read(name: string): Buffer | undefined {
    return this.#copies.read(name);
  }

  /**
   * Keeps the bytes of a damaged document, on the disk when this returns; returns the name of the copy. The same bytes are
   * kept once.
   *
   * @throws the system's error.
   */
  keepCorrupt(bytes: Uint8Array): string {
    const same = this.#corrupt.list().find((copy) => this.#corrupt.has(copy, bytes));
    if (same === undefined) return this.#corrupt.make(bytes, 'synced');
    this.#corrupt.sync(same.name);
    return same.name;
  }

  /**
   * Removes backups by age and number, and corrupt files that are as old, or more than ten. Never call it while the document
   * is damaged. `isGood`: whether a text could be restored; the last such backup stays whatever its age.
   *
   * @throws the system's error; the next call goes on.
   */
  rotate(isGood: (bytes: Buffer) => boolean): void {
    const now = Date.now();
    const isWhole = ({ name }: { readonly name: string }) => {
      const bytes = this.#copies.read(name);
      return bytes !== undefined && isGood(bytes);
    };
    for (const { name } of outdated(this.#copies.list(now), this.#policy, isWhole, now)) {
      this.#copies.remove(name);
    }
    const corrupt = { ...this.#policy, newest: MOST_CORRUPT, days: 0 };
    for (const { name } of outdated(this.#corrupt.list(now), corrupt, () => false, now)) {
      this.#corrupt.remove(name);
    }
  }

  #newestIfSame(bytes: Uint8Array, reason: BackupReason): string | undefined {
    const [newest] = this.#copies.list();
    if (newest === undefined || !this.#copies.has(newest, bytes)) return undefined;
    if (reason !== 'save') this.#copies.sync(newest.name);
    return newest.name;
  }

  #make(bytes: Uint8Array, reason: BackupReason): string {
    const name = this.#copies.make(bytes, reason === 'save' ? 'later' : 'synced');
    try {
      const present = this.#copies.list().map((copy) => copy.name);
      this.#reasons.add(name, reason, present);
    } catch {
      // The backup counts; that its reason is unknown keeps nobody from it.
    }
    return name;
  }
}
