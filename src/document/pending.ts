import type { Json } from '../json/json.ts';
import { type MergeOptions, merge } from '../merge/merge.ts';
import type { Merged } from '../merge/result.ts';
import type { Loaded } from './text.ts';

/** Edits that are not saved: the value they lead to, and the version they began with. */
export interface Pending {
  readonly base: Pick<Loaded, 'json' | 'hash' | 'text'>;
  readonly json: Json;
}

/** The edits on top of another value. */
export function mergedOnto(
  { base, json }: { readonly base: { readonly json: Json }; readonly json: Json },
  theirs: Json,
  { mergeOptions }: { readonly mergeOptions: MergeOptions },
): Merged<Json> {
  if (base.json === theirs) return { value: json, conflicts: [], notes: [] };
  return merge<Json>(base.json, json, theirs, mergeOptions);
}
