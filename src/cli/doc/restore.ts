import { realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { givenPath, standingPlaceOf } from '../../document/file/place.ts';
import type { Restored } from '../../document/recovery/recovery.ts';
import { restoreBackup } from '../../document/recovery/restore.ts';
import { clock, printable, shellWord } from '../../errors/describe.ts';
import { InputError } from '../../errors/input-error.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';

/** `holdfast doc restore`. What is there is kept first, so nothing is asked. @throws what `restoreBackup` throws. */
export async function restoreDocument(
  file: string,
  backup: string | undefined,
  { json }: { readonly json?: true },
): Promise<void> {
  const name = backup === undefined ? undefined : nameOf(backup, file);
  const restored = await restoreBackup(file, name).catch((error: unknown) => {
    if (!(error instanceof InputError) || error.input === 'path') throw error;
    const look = `holdfast doc backups ${shellWord(file)}`;
    throw new CliError(
      exitCodes.no,
      'HOLDFAST_NO_BACKUP',
      `${error.message} Nothing was done. See them: ${look}`,
    );
  });
  if (json === true) printJson({ file, ...restored });
  else tell(file, restored);
}

/** Of a backup that is given by its path; what lies elsewhere has no name that any backup of the document has. */
function nameOf(backup: string, file: string): string {
  const { directory } = standingPlaceOf(givenPath(file));
  try {
    return realpathSync.native(dirname(resolve(backup))) === directory ? basename(backup) : backup;
  } catch {
    return backup;
  }
}

function tell(file: string, { backup, from, recordsLost, corrupt, replaced }: Restored): void {
  const fewer = recordsLost === 0 ? '' : `, ${recordsLost} record${recordsLost === 1 ? '' : 's'} fewer`;
  print(`${printable(file)} is restored from ${printable(backup)} (${clock(from)}${fewer})`);
  if (corrupt !== undefined) print(`the damaged file is kept as ${printable(corrupt)}`);
  if (replaced === undefined) return;
  print(`what was there is kept as ${printable(replaced)}`);
  print(`to undo that: holdfast doc restore ${shellWord(file)} ${shellWord(replaced)}`);
}
