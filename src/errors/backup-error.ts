import { HoldfastError, systemCode } from './base.ts';
import { printable } from './describe.ts';
import { isFull } from './exhaustion.ts';

/** No backup of a document could be made. The document and the backups there were are as before. */
export class BackupError extends HoldfastError {
  static override readonly code = 'HOLDFAST_BACKUP';
  /** Of the document. */
  readonly path: string;

  constructor(path: string, cause: unknown) {
    const why = systemCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
    super(
      BackupError.code,
      `No backup of ${printable(path)} could be made: ${printable(why)}.${next(why)}`,
      cause,
    );
    this.path = path;
  }
}

function next(code: string): string {
  if (isFull(code)) return ' Make room; the backups there were are untouched.';
  if (code === 'ENAMETOOLONG') return ' Its name leaves no room for the time in the name of a backup.';
  return ' The backups there were are untouched.';
}
