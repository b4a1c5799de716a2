import { isUtf8 } from 'node:buffer';
import type { Date } from '../../time/time.ts';
import type { Backups } from '../backups/backups.ts';
import { recordsIn } from './records.ts';

/** What was done about a damaged document. */
export interface Restored {
  /** The copy of the damaged file, beside the document. */
  readonly corrupt: string;
  /** The backup whose text the document has now. */
  readonly backup: string;
  /** When that backup was made: what was saved later is lost. */
  readonly from: Date;
  /** When the damaged file was last written. */
  readonly damagedAt: Date;
  /** How many records fewer the backup has than could be counted before; 0 when it has as many. */
  readonly recordsLost: number;
}

export interface Damaged {
  readonly bytes: Uint8Array;
  readonly writtenAt: Date;
  /** The last whole text this program knows of, by which records that are lost are counted. */
  readonly lastKnown?: string | undefined;
}

export interface Recovery {
  /** To be published, by the protocol of saves. */
  readonly text: string;
  /** To be told, once that is done. */
  readonly restored: Restored;
}

/**
 * Prepares a document that is damaged to be restored: from a backup of this name, or from the newest one that is whole.
 * Undefined when there is none, and then nothing was done. For the holder of the document's lock, who has looked that
 * the document is damaged, and publishes the text.
 *
 *  1. Find the backup. Dying here leaves everything as it was.
 *  2. Copy the damaged file, and sync the copy. Dying here leaves the document damaged; the next recovery finds
 *     the copy, and makes no second one.
 *  3. The caller publishes the text: the document is the damaged one or the restored one, whole.
 *
 * No backup is made, changed or removed: as long as the document is damaged, they are all there is of it.
 *
 * @throws the system's error when the damaged file cannot be copied: then it must not be replaced.
 */
export function prepareRecovery(
  backups: Backups,
  { bytes, writtenAt, lastKnown }: Damaged,
  isGood: (text: string) => boolean,
  chosen?: string,
): Recovery | undefined {
  const found = findWhole(backups, isGood, chosen);
  if (found === undefined) return undefined;
  const corrupt = backups.keepCorrupt(bytes);
  const before = lastKnown ?? Buffer.from(bytes).toString();
  const recordsLost = Math.max(0, recordsIn(before) - recordsIn(found.text));
  const restored = { corrupt, backup: found.name, from: found.time, damagedAt: writtenAt, recordsLost };
  return { text: found.text, restored };
}

function findWhole(backups: Backups, isGood: (text: string) => boolean, chosen: string | undefined) {
  for (const { name, time } of backups.list()) {
    if (chosen !== undefined && name !== chosen) continue;
    const text = textOf(backups, name);
    if (text !== undefined && isGood(text)) return { name, time, text };
  }
  return undefined;
}

/** Undefined for bytes that are no text, as for what cannot be read: another backup may do. */
function textOf(backups: Backups, name: string): string | undefined {
  try {
    const bytes = backups.read(name);
    return bytes !== undefined && isUtf8(bytes) ? bytes.toString() : undefined;
  } catch {
    return undefined;
  }
}
