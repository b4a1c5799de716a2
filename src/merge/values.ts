import type { Json, JsonObject } from '../json/json.ts';

/** A value, or ⊥ where there is none, which is not `null`. */
export type Side = Json | undefined;

/** The three versions of one value. */
export interface Sides {
  readonly base: Side;
  readonly ours: Side;
  readonly theirs: Side;
}

/** The member of this name; an object's own ones only, so that `__proto__` is a name as any other. */
export function memberOf(object: JsonObject | undefined, name: string): Side {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
