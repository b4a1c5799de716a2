import { isUtf8 } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { BackupError } from '../errors/backup-error.ts';
import { jsonIn } from '../json/parse.ts';
import { unlinkQuietly } from '../storage/fs/quietly.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { Date } from '../time/time.ts';
import { Backups } from './backups/backups.ts';
import { isTrusted } from './backups/copies.ts';
import type { BackupOptions } from './backups/policy.ts';
import type { BackupReason } from './backups/reasons.ts';
import { limitConflicts } from './conflicts.ts';
import { isTemporaryOf } from './file/names.ts';
import type { Folder, Place } from './file/place.ts';
import { type ReadOptions, readVersion } from './file/version.ts';

/** Milliseconds after which a leftover that is no document is removed. */
const OLD = 3_600_000;

/** What keeps older versions of one document: its backups, and what crashes have left. For the holder of its lock. */
export class Keeper {
  readonly #place: Place;
  readonly #options: BackupOptions | false;
  readonly #onFailure: (error: BackupError) => void;
  readonly backups: Backups;

  constructor(place: Place, options: BackupOptions | false, onFailure: (error: BackupError) => void) {
    this.#place = place;
    this.#options = options;
    this.#onFailure = onFailure;
    this.backups = new Backups(place.path, options === false ? {} : options);
  }

  /** A backup for a save, if one is due. A failure is told, and nothing else comes of it. */
  keep(text: string): void {
    if (this.#options === false || !this.backups.isDue('save')) return;
    try {
      this.backups.write(text, 'save');
      this.backups.rotate(isWhole);
    } catch (error) {
      this.#onFailure(error instanceof BackupError ? error : new BackupError(this.#place.path, error));
    }
  }

  /** A backup before something that cannot be undone, on the disk when this returns. @throws {BackupError} */
  secure(text: string, reason: BackupReason): void {
    if (this.#options !== false || reason === 'interrupted') this.backups.write(text, reason);
  }

  /**
   * Clears what dead writers of this document have left, as only the holder of its lock may. One of the leftovers can be all
   * that there is of an outsider's version, which came out in step 7 of a save: what nobody else has becomes a backup.
   * What is not good, as a text that is no JSON among documents, goes an hour after it was written or moved. What a stranger
   * has put into a directory that is everybody's stays, unread.
   */
  sweep(folder: Folder, options: ReadOptions, isGood: (text: Buffer) => boolean = isWhole): void {
    this.limitConflicts(folder);
    const { name: document, path } = this.#place;
    const isOurs = (name: string) =>
      isTemporaryOf(document, name) && isTrusted(lstatOrNothing(folder.pathOf(name)), path);
    const names = readdirSync(folder.path).filter(isOurs);
    const current = names.length === 0 ? undefined : readVersion(folder.file, options)?.text;
    for (const name of names) {
      try {
        const found = readVersion(folder.pathOf(name), options);
        if (found === undefined) continue;
        const { text, identity } = found;
        if (text !== current && !this.backups.has(text)) {
          if (!isGood(Buffer.from(text))) {
            if (Number(identity.ctimeNs / 1_000_000n) > Date.now() - OLD) continue;
          } else this.backups.write(text, 'interrupted');
        }
        unlinkQuietly(folder.pathOf(name));
      } catch {
        // It cannot be read or kept now: it stays.
      }
    }
  }

  /** What is dropped of the conflict files becomes a backup. What cannot be kept stays. */
  limitConflicts(folder: Folder): void {
    try {
      limitConflicts(folder.path, this.#place.name, (text) => this.backups.write(text, 'conflict'));
    } catch {
      // The next holder of the lock tries again.
    }
  }
}

export function isWhole(bytes: Buffer): boolean {
  return isUtf8(bytes) && jsonIn(bytes.toString()) !== undefined;
}
