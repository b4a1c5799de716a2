import type { Json } from '../json/json.ts';

/** A value, or ⊥ where there is none, which is not `null`. */
export type Side = Json | undefined;

/** The three versions of one value. */
export interface Sides {
  readonly base: Side;
  readonly ours: Side;
  readonly theirs: Side;
}
