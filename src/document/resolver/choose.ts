import { InputError, shown } from '../../errors/input-error.ts';
import { isArray, isObject, type Json } from '../../json/json.ts';
import { type Literal, nextWhole } from '../../json/literal.ts';
import { lookUp, replaced, without } from '../../json/lookup.ts';
import { jsonOf } from '../../json/values.ts';
import type { OpenConflict, Unresolved } from './unresolved.ts';

/**
 * What counts at a conflict: `ours`, the version in the conflict file; `theirs`, what is in the document; `base`, what both
 * began with; another value; or `both`, for two records that were added with one identity: theirs gets a new one.
 */
export type Choice = 'ours' | 'theirs' | 'base' | 'both' | { readonly value: unknown };

/** The choices, by the `key` of the conflict; or one for all of them. */
export type Answers = Readonly<Record<string, Choice>> | 'ours' | 'theirs';

export function answerTo({ key }: OpenConflict, answers: Answers): Choice | undefined {
  if (typeof answers === 'string') return answers;
  return Object.hasOwn(answers, key) ? answers[key] : undefined;
}

/** The value that the answers lead to; conflicts without one stay as they are in `merged`. Undefined: there is no document. */
export function resolvedValue({ merged, conflicts, meta }: Unresolved, answers: Answers): Json | undefined {
  let value = merged;
  for (const conflict of conflicts) {
    const choice = answerTo(conflict, answers);
    if (choice === 'base' && meta === undefined)
      throw new InputError('answers', 'cannot be base, for that is lost');
    if (choice !== undefined && value !== undefined) value = chosen(value, conflict, choice);
  }
  return value;
}

/** Whether theirs can stay beside ours: two records that both added, with one identity. */
export function canKeepBoth({ kind, path, theirs }: OpenConflict): boolean {
  return kind === 'add-add' && typeof path.at(-1) === 'object' && isObject(theirs);
}

function chosen(value: Json, conflict: OpenConflict, choice: Choice): Json | undefined {
  const { path } = conflict;
  if (choice === 'both') return withBoth(value, conflict);
  const to = valueOf(conflict, choice);
  if (to !== undefined) return replaced(value, path, to);
  return path.length === 0 ? undefined : without(value, path);
}

function valueOf({ base, ours, theirs }: OpenConflict, choice: Choice): Json | undefined {
  if (choice === 'ours') return ours;
  if (choice === 'theirs') return theirs;
  if (choice === 'base') return base;
  if (typeof choice === 'object' && choice !== null && 'value' in choice) return jsonOf(choice.value);
  throw new InputError('answers', `must be ours, theirs, base, both or { value }, got ${shown(choice)}`);
}

function withBoth(value: Json, conflict: OpenConflict): Json {
  const { path, theirs, text } = conflict;
  const list = lookUp(value, path.slice(0, -1));
  const [[field, id] = ['', '']] = Object.entries(path.at(-1) ?? {});
  if (!canKeepBoth(conflict) || !isArray(list)) {
    throw new InputError(
      'answers',
      `cannot be both at ${text || 'the whole document'}: only two records that were added can stay`,
    );
  }
  const taken = list.map((each) => (isObject(each) ? each[field] : undefined));
  const record = { ...(theirs as object), [field]: freeId(id, taken) };
  return replaced(value, path.slice(0, -1), [...list, record]);
}

function freeId(id: string | number | Literal, taken: readonly unknown[]): Json {
  if (typeof id !== 'string') return nextWhole(taken);
  for (let turn = 2; ; turn++) if (!taken.includes(`${id}-${turn}`)) return `${id}-${turn}`;
}
