import { createHash } from 'node:crypto';
import { exactWords } from '../../command/exact.ts';
import { type Place, placeOf, type Scope } from '../scope.ts';
import { Store, type Whose } from '../store.ts';

/** The ID of a command with everything it leads to. */
export interface RunKey {
  readonly id: string;
  readonly place: Place;
  /** The outcomes that count. */
  readonly store: Store;
}

/** Where the runs of an ID are, and whose of them count: by default those of commands in the project around the working directory. */
export interface KeyOptions {
  readonly scope?: Scope | undefined;
  readonly directory?: string | undefined;
  /** Outcomes of other commands of the ID count too. */
  readonly anyCommand?: boolean | undefined;
}

/** `words`: of the command whose outcomes count; without, those of whatever ran last. */
export function runKey(
  id: string,
  { scope = 'nearest', directory, anyCommand = false }: KeyOptions,
  words?: readonly string[],
): RunKey {
  const place = placeOf(id, scope, directory);
  const whose: Whose = words === undefined || anyCommand ? 'any' : { command: digestOf(words) };
  return { id, place, store: new Store(place.records, id, whose) };
}

/** Tells a command from every other, byte for byte. */
export function digestOf(words: readonly string[]): string {
  const hash = createHash('sha256');
  for (const word of exactWords(words)) hash.update(`${word.length}:`).update(word);
  return hash.digest('hex').slice(0, 32);
}
