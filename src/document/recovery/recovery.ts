import { isUtf8 } from 'node:buffer';
import { recordsIn } from '../../json/records.ts';
import type { Work } from '../../lock/work.ts';
import type { Date } from '../../time/time.ts';
import type { Backup, Backups } from '../backups/backups.ts';

/** What was done to restore a document. */
export interface Restored {
  /** The copy of the damaged file, beside the document; undefined where it was not damaged. */
  readonly corrupt: string | undefined;
  /** The backup of what was replaced; undefined where nothing whole was. */
  readonly replaced: string | undefined;
  /** The backup whose text the document has now. */
  readonly backup: string;
  /** When that backup was made: what was saved later is not in the document any more. */
  readonly from: Date;
  /** When the damaged file was last written; undefined where it was not damaged. */
  readonly damagedAt: Date | undefined;
  /** How many records fewer the backup has than could be counted before; 0 when it has as many. */
  readonly recordsLost: number;
}

/** What stands at the path of the document. */
export interface Found {
  readonly bytes: Uint8Array;
  readonly writtenAt: Date;
  /** It is a whole document, which somebody wants to replace all the same. */
  readonly isWhole?: boolean;
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
 * Prepares a document to be restored: from a backup of this name, or from the newest one that is whole and says something
 * else. Undefined when there is none, and then nothing was done. For the holder of the document's lock, who publishes the text.
 *
 *  1. Find the backup. Dying here leaves everything as it was.
 *  2. Keep what is there: a damaged file as a copy of its own, which is found and not made again when this is done again,
 *     and a whole one as a backup. Both are on the disk then. Dying here leaves the document as it was.
 *  3. The caller publishes the text: the document is the former one or the restored one, whole.
 *
 * No backup is changed or removed: as long as a document is damaged, they are all there is of it.
 *
 * @throws the system's error, or {BackupError}, when what is there cannot be kept: then it must not be replaced.
 */
export function* prepareRecovery(
  backups: Backups,
  found: Found | undefined,
  isGood: (text: string) => Work<boolean>,
  chosen?: string,
): Work<Recovery | undefined> {
  const { bytes, isWhole = false, writtenAt, lastKnown } = found ?? {};
  const source = yield* findWhole(backups, chosen, function* (candidate) {
    if (chosen === undefined && isWhole && candidate.equals(bytes as Uint8Array)) return false;
    return isUtf8(candidate) && (yield* isGood(candidate.toString()));
  });
  if (source === undefined) return undefined;
  const isDamaged = bytes !== undefined && !isWhole;
  const restored: Restored = {
    corrupt: isDamaged ? backups.keepCorrupt(bytes) : undefined,
    replaced: bytes !== undefined && isWhole ? backups.write(bytes, 'restore') : undefined,
    backup: source.name,
    from: source.time,
    damagedAt: isDamaged ? writtenAt : undefined,
    recordsLost: Math.max(0, recordsIn(Buffer.from(lastKnown ?? bytes ?? '')) - recordsIn(source.bytes)),
  };
  return { text: source.bytes.toString(), restored };
}

function* findWhole(
  backups: Backups,
  chosen: string | undefined,
  isGood: (bytes: Buffer) => Work<boolean>,
): Work<(Backup & { readonly bytes: Buffer }) | undefined> {
  const all = backups.list();
  const isRival = ({ reason }: Backup) => reason === 'conflict';
  for (const backup of [...all.filter((each) => !isRival(each)), ...all.filter(isRival)]) {
    if (chosen !== undefined && backup.name !== chosen) continue;
    const bytes = bytesOf(backups, backup.name);
    if (bytes !== undefined && (yield* isGood(bytes))) return { ...backup, bytes };
  }
  return undefined;
}

/** Undefined for what cannot be read: another backup may do. */
function bytesOf(backups: Backups, name: string): Buffer | undefined {
  try {
    return backups.read(name);
  } catch {
    return undefined;
  }
}
