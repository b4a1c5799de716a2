import type { Json } from '../json/json.ts';
import type { Path } from '../json/path.ts';

/**
 * - `edit-edit`: both changed it, each in its own way.
 * - `delete-edit`: ours removed what theirs changed. `edit-delete`: the other way round.
 * - `add-add`: both added it, with different values; two new records with one id, say.
 * - `type`: both changed it, and to values of different types.
 * - `order`: both moved elements so that no order suits both; only with `strictOrder`.
 */
export type ConflictKind = 'edit-edit' | 'delete-edit' | 'edit-delete' | 'add-add' | 'type' | 'order';

/** A value for which a person has to choose. A version is left out where it has no such value. */
export interface Conflict {
  readonly kind: ConflictKind;
  /** `['roles', { id: 42 }, 'name']` */
  readonly path: Path;
  /** `roles[id=42].name` */
  readonly text: string;
  readonly base?: Json | undefined;
  readonly ours?: Json | undefined;
  readonly theirs?: Json | undefined;
}

/**
 * What the merge assumed without being told, or could not do as well as it would:
 * - `keyed`: an array was merged record by record, told apart by `field`. `set`: as a set, for it has only distinct texts.
 * - `duplicate`: an array was not looked into, for `field` has a value twice (without `field`: it has a text twice).
 * - `order`: both moved elements so that no order suits both; they stand in the order of the base.
 * - `deep`: a value lies so deep that it was not looked into.
 * - `misfit`: a strategy did not fit the values, and the usual rules decided.
 */
export interface Note {
  readonly kind: 'keyed' | 'set' | 'duplicate' | 'order' | 'deep' | 'misfit';
  readonly path: Path;
  readonly text: string;
  readonly field?: string | undefined;
}

export interface Merged<Value> {
  /** At a conflict it has ours; where one side removed what the other changed, what was changed. */
  readonly value: Value;
  /** None: the merge is clean. */
  readonly conflicts: readonly Conflict[];
  readonly notes: readonly Note[];
}
