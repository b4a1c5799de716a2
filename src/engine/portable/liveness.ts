import { dirname } from 'node:path';
import type { HolderRecord } from '../../identity/holder.ts';
import { type Liveness, liveness } from '../../identity/index.ts';
import { self } from '../../identity/self.ts';
import { fileSystemOf } from '../../storage/file-system/index.ts';

/**
 * Whether the process of a record that was found at this path still runs. A process of another boot is dead where this
 * machine alone writes to the drive; on any other drive it may be another machine's.
 */
export function livenessAt(path: string, record: HolderRecord): Liveness {
  if (record.boot === self().boot) return liveness(record); // whatever the drive
  return liveness(record, fileSystemOf(dirname(path)).reach === 'local' ? 'local' : 'shared');
}
