export { InputError } from '../errors/input-error.ts';
export type { Json, JsonObject } from '../json/json.ts';
export { Literal } from '../json/literal.ts';
export type { Path, PathStep } from '../json/path.ts';
export { type MergeOptions, merge } from './merge.ts';
export type { Conflict, ConflictKind, Merged, Note } from './result.ts';
export { CONFLICT, type Decide, type Keyed, keyed, type Strategy } from './strategy.ts';
