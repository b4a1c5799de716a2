import { basename, join } from 'node:path';
import { InaccessibleError } from '../errors/once-errors.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { namesIn, readRecordFile } from './access.ts';
import { parseCurrent } from './current.ts';
import { parseRecord, type RecordHeader } from './record.ts';
import { directoriesOf, type Place, placeIn } from './scope.ts';
import { type OnceState, stateOf } from './state.ts';
import { RECORDS, Store } from './store.ts';

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
  for (const name of namesIn(records)) {
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

/** The key whose records these are, by what they say themselves, if that leads here. */
function keyIn(path: string, directory: string | undefined): KnownKey | undefined {
  if (lstatOrNothing(path)?.isDirectory() !== true) return undefined;
  const said = headersIn(path)[0] ?? currentIn(path);
  if (said === undefined) return undefined;
  const { key } = said;
  const place = placeIn(key, said.project, directory);
  return basename(place.records) === basename(path)
    ? { key, place, state: stateOf(key, place, new Store(place.records, key, 'any')) }
    : undefined;
}

function headersIn(path: string): RecordHeader[] {
  return namesIn(path).flatMap((name) => {
    const bytes = RECORDS.test(name) ? readRecordFile(join(path, name)) : undefined;
    return (bytes === undefined ? undefined : parseRecord(bytes)?.header) ?? [];
  });
}

function currentIn(path: string) {
  const bytes = readRecordFile(join(path, 'current'));
  return bytes === undefined ? undefined : parseCurrent(bytes.toString());
}
