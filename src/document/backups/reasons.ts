import { basename, dirname, join } from 'node:path';
import { jsonIn } from '../../json/parse.ts';
import { privateFiles } from '../../storage/private-files.ts';
import { readBeginning } from '../../storage/regular-file.ts';
import { takeRights } from './copies.ts';

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
  readonly #document: string;

  /** `document`: its path. */
  constructor(document: string) {
    this.#document = document;
    this.#name = `.${basename(document)}.backups`;
    this.#path = join(dirname(document), this.#name);
  }

  read(): Map<string, BackupReason> {
    try {
      return reasonsIn(readBeginning(this.#path, MOST));
    } catch {
      return new Map();
    }
  }

  /** Adds one, and drops those of backups that are gone. Who may read the document may read them. @throws the system's error. */
  add(name: string, reason: BackupReason, present: readonly string[]): void {
    const known = reasonsIn(readBeginning(this.#path, MOST)); // or what cannot be read would be lost
    const all = [...known, [name, reason] as const].filter(([each]) => present.includes(each));
    privateFiles(dirname(this.#path), { link: 'followed' }, (files) => {
      const fresh = `${this.#name}.new`;
      const text = `${JSON.stringify(Object.fromEntries(all), undefined, 1)}\n`;
      files.write(fresh, text, (fd) => takeRights(fd, this.#document));
      files.rename(fresh, this.#name);
    });
  }
}

/** None in what is damaged. */
function reasonsIn(text: string): Map<string, BackupReason> {
  const all = Object.entries(jsonIn(text) ?? {});
  return new Map(
    all.filter(([, reason]) => KNOWN.includes(reason as BackupReason)) as [string, BackupReason][],
  );
}
