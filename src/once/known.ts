import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { InaccessibleError } from '../errors/once-errors.ts';
import { accessing, readRecordFile } from './access.ts';
import { parseCurrent } from './current.ts';
import { parseRecord } from './record.ts';
import { directoriesOf, type Place, placeIn } from './scope.ts';
import { type OnceState, stateOf } from './state.ts';

/** A key of which something is recorded, with its state. */
export interface KnownKey {
  readonly key: string;
  readonly place: Place;
  readonly state: OnceState;
}

/** Everything that is recorded. */
export interface Known {
  /** In the order of the keys. */
  readonly keys: readonly KnownKey[];
  /** What this user cannot read: one for each directory of a key. */
  readonly inaccessible: readonly InaccessibleError[];
}

/**
 * Every key of which something is recorded.
 *
 * @throws {InaccessibleError} when it cannot be told which there are.
 */
export function knownKeys(directory?: string): Known {
  const { records } = directoriesOf(directory);
  const keys: KnownKey[] = [];
  const inaccessible: InaccessibleError[] = [];
  for (const name of accessing(records, 'read', () => namesIn(records))) {
    try {
      const known = keyIn(join(records, name), directory);
      if (known !== undefined) keys.push(known);
    } catch (error) {
      if (!(error instanceof InaccessibleError)) throw error;
      inaccessible.push(error);
    }
  }
  return { keys: keys.sort((a, b) => (a.key < b.key ? -1 : 1)), inaccessible };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []; // not made yet
    throw error;
  }
}

/** The key whose records these are, by what they say themselves, if that leads here. */
function keyIn(path: string, directory: string | undefined): KnownKey | undefined {
  const said = recordIn(join(path, 'success')) ?? recordIn(join(path, 'failure')) ?? currentIn(path);
  if (said === undefined) return undefined;
  const { key } = said;
  const place = placeIn(key, said.project, directory);
  return basename(place.records) === basename(path) ? { key, place, state: stateOf(key, place) } : undefined;
}

function recordIn(path: string) {
  const bytes = readRecordFile(path);
  return bytes === undefined ? undefined : parseRecord(bytes)?.header;
}

function currentIn(path: string) {
  const bytes = readRecordFile(join(path, 'current'));
  return bytes === undefined ? undefined : parseCurrent(bytes.toString());
}
