import { type Backup, Backups } from '../../document/backups/backups.ts';
import { givenPath, standingPlaceOf } from '../../document/file/place.ts';
import { isWhole } from '../../document/keeper.ts';
import { bytes, duration, printable } from '../../errors/describe.ts';
import { recordsIn } from '../../json/records.ts';
import { Date } from '../../time/time.ts';
import { coloursFor } from '../output/colour.ts';
import { printJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { note, print } from '../output/text.ts';

type Listed = Backup & { readonly isWhole: boolean; readonly records: number };

/** `holdfast doc backups`: the newest first, and whether each can be restored. */
export function listBackups(file: string, { json }: { readonly json?: true }): void {
  const backups = new Backups(standingPlaceOf(givenPath(file)).path);
  const listed = backups.list().map((backup) => {
    const content = contentOf(backups, backup.name);
    return { ...backup, isWhole: isWhole(content), records: recordsIn(content) };
  });
  if (json === true) printJson({ file, backups: listed });
  else if (listed.length === 0) note(`${printable(file)} has no backups`);
  else print(table([HEAD.map(coloursFor(1).bold), ...listed.map(row)]));
}

function contentOf(backups: Backups, name: string): Buffer {
  try {
    return backups.read(name) ?? Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0); // nor could it be restored
  }
}

const HEAD = ['BACKUP', 'AGE', 'SIZE', 'RECORDS', 'WHY', ''];

const REASONS: Readonly<Record<NonNullable<Backup['reason']>, string>> = {
  save: 'before a save',
  reset: 'before a reset',
  delete: 'before it was deleted',
  resolve: 'before a conflict was resolved',
  restore: 'before another one was restored',
  migration: 'before it was raised to a newer version',
  interrupted: 'found where a writer had died',
  overwrite: 'before a write in place that did not end',
  conflict: 'a version that was not saved',
};

function row({ name, time, size, reason, isWhole, records }: Listed): string[] {
  const age = duration(Math.max(0, Date.now() - time.getTime()));
  const why = reason === undefined ? '' : REASONS[reason];
  return [printable(name), age, bytes(size), String(records), why, isWhole ? '' : 'not whole'];
}
