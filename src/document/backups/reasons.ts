import { dirname, join } from 'node:path';
import { privateFiles } from '../../storage/private-files.ts';
import { readBeginning } from '../../storage/regular-file.ts';

const KNOWN = [
  'save',
  'reset',
  'delete',
  'resolve',
  'restore',
  'migration',
  'interrupted',
  'overwrite',
  'conflict',
] as const;

/**
 * Why a backup was made. `interrupted`: it was found where a writer had died. `overwrite`: a file that
 * cannot be replaced was not overwritten to its end. `conflict`: it is a version that could not be
 * merged, and never was the document; recovery takes it last.
 */
export type BackupReason = (typeof KNOWN)[number];

/** Bytes: for more backups than are ever kept. */
const MOST = 64 * 1024;

/**
 * Why each backup was made, in a file of its own beside them, for names have no room for it. When it is lost, or cannot be
 * read, backups are as good as before and only their reasons are unknown.
 */
export class Reasons {
  readonly #path: string;
  readonly #name: string;

  constructor(directory: string, name: string) {
    this.#name = `.${name}.backups`;
    this.#path = join(directory, this.#name);
  }

  read(): Map<string, BackupReason> {
    try {
      const found: unknown = JSON.parse(readBeginning(this.#path, MOST));
      return new Map(
        Object.entries(found ?? {}).filter(([, reason]) => KNOWN.includes(reason as BackupReason)),
      );
    } catch {
      return new Map();
    }
  }

  /** Adds one, and drops those of backups that are gone. @throws the system's error. */
  add(name: string, reason: BackupReason, present: readonly string[]): void {
    const all = [...this.read(), [name, reason] as const].filter(([each]) => present.includes(each));
    privateFiles(dirname(this.#path), { link: 'followed' }, (files) => {
      const fresh = `${this.#name}.new`;
      files.write(fresh, `${JSON.stringify(Object.fromEntries(all), undefined, 1)}\n`);
      files.rename(fresh, this.#name);
    });
  }
}
