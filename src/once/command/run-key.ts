import type { Place } from '../scope.ts';
import { placeOf, type Scope } from '../scope.ts';
import { Store } from '../store.ts';

/** The ID of a command with everything it leads to. */
export interface RunKey {
  readonly id: string;
  readonly place: Place;
  readonly store: Store;
}

export function runKey(id: string, scope: Scope | undefined, directory: string | undefined): RunKey {
  const place = placeOf(id, scope, directory);
  return { id, place, store: new Store(place.records, id) };
}
