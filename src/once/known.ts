import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readOwnFile } from '../storage/own-file.ts';
import { parseCurrent } from './current.ts';
import { parseRecord } from './record.ts';
import { directoriesOf, type Place, placeIn } from './scope.ts';

/** A key of which something is recorded. */
export interface KnownKey {
  readonly key: string;
  readonly place: Place;
}

/** Every key of which something is recorded, in the order of the keys. */
export function knownKeys(directory?: string): KnownKey[] {
  const { records } = directoriesOf(directory);
  return namesIn(records)
    .flatMap((name) => keyIn(join(records, name), directory) ?? [])
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not made yet, or not ours to read
  }
}

/** The key whose records these are, by what they say themselves, if that leads here. */
function keyIn(path: string, directory: string | undefined): KnownKey | undefined {
  const said = recordIn(join(path, 'success')) ?? recordIn(join(path, 'failure')) ?? currentIn(path);
  if (said === undefined) return undefined;
  const place = placeIn(said.key, said.project, directory);
  return basename(place.records) === basename(path) ? { key: said.key, place } : undefined;
}

function recordIn(path: string) {
  const bytes = readOwnFile(path);
  return bytes === undefined ? undefined : parseRecord(bytes)?.header;
}

function currentIn(path: string) {
  const bytes = readOwnFile(join(path, 'current'));
  return bytes === undefined ? undefined : parseCurrent(bytes.toString());
}
