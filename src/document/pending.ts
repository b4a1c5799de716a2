import { ConflictError } from '../errors/document-errors.ts';
import { InputError } from '../errors/input-error.ts';
import type { Json } from '../json/json.ts';
import { merge } from '../merge/merge.ts';
import type { Merged } from '../merge/result.ts';
import type { Settings } from './settings.ts';
import { type Loaded, textOf } from './text.ts';

/**
 * Edits that are not saved: the value they lead to, and the one they began with.
 *
 * They come at any time, also while a save is written. It took the edits from B to E, and writes W, which has these and what
 * others wrote; by now the edits lead to E′.
 *
 *  1. An edit before the merge: the save takes it. It also takes it when an outsider was faster and the save starts over.
 *  2. An edit after the merge: B stays the base until W is on the disk, for a save that fails. Then the rest goes from E to E′
 *     (`since`): what W has of E is no change any more, or strategies such as `sum` would count it twice.
 *  3. The rest and W merge: the edits begin with W from here on.
 *  4. They do not, or a strategy throws: the edits begin with E, as if there was no W yet. The next save, or reload, meets W
 *     again and says so. If they began with W, ours would replace theirs, and nobody would be told.
 *  5. Another save in the same batch takes the rest: nothing, or what was edited while an update between the two ran.
 *  6. The batch has no save: E is B, and all is as in 2 to 4.
 *  7. A reload begins when no batch runs. One that ran beside it may have written: the reload starts over.
 *  8. A version of an outsider that is found meanwhile changes what is shown and no edits. A removal drops them all. After
 *     a close there are no more edits.
 */
export interface Pending {
  readonly base: Pick<Loaded, 'json' | 'text'>;
  readonly json: Json;
  /** The save of them that failed last, unless somebody gave it up, or a conflict file has them. */
  owed?: object | undefined;
}

/** What is to be said of these edits once a save of them has failed. */
export function owe(pending: Pending | undefined, error: unknown, save: object): void {
  const isKept = error instanceof ConflictError && error.file !== undefined;
  if (pending !== undefined) pending.owed = isKept ? undefined : save;
}

/** What is left of edits once those were saved that they were before; undefined: nothing. */
export function since(saved: Pending | undefined, pending: Pending | undefined): Pending | undefined {
  if (saved === undefined || pending === undefined) return pending;
  if (saved === pending) return undefined;
  const base = {
    json: saved.json,
    /** For a conflict file. */
    get text() {
      return textOf(saved.base as Loaded, saved.json);
    },
  };
  return { base, json: pending.json };
}

/** The edits once this version is in the file: on top of it, or as they were where they do not merge. */
export function rebased(pending: Pending, loaded: Loaded, settings: Merging): Pending {
  try {
    const { value, conflicts } = mergedOnto(pending, loaded.json, settings);
    return conflicts.length === 0 ? { base: loaded, json: value } : pending;
  } catch {
    return pending; // the next save says what a strategy throws
  }
}

type Merging = Pick<Settings<unknown>, 'mergeOptions'>;

/** The edits on top of another value, or alone where there is none. @throws {InputError} a strategy leaves nothing; and what one throws. */
export function mergedOnto({ base, json }: Pending, theirs: Json | undefined, by: Merging): Merged<Json> {
  if (theirs === undefined || base.json === theirs) return { value: json, conflicts: [], notes: [] };
  const merged = merge<Json | undefined>(base.json, json, theirs, by.mergeOptions);
  if (merged.value !== undefined) return merged as Merged<Json>;
  throw new InputError('what the strategy for $ returned', 'must be a value, got undefined');
}
