import { InputError } from '../errors/input-error.ts';
import { equal } from './equal.ts';
import { tooDeep } from './format.ts';
import { define, isArray, type Json, MAX_DEPTH } from './json.ts';
import { Literal } from './literal.ts';
import { formatPath, type PathStep } from './path.ts';
import { eachNumber, type SharedDoubles } from './shared-doubles.ts';
import { isRecord, memberOf, plain } from './values.ts';

/**
 * Tells which number of a document each one is that a program gives back, where several are one double:
 *
 * 1. An object or a list that was handed out is the one it was made of, wherever it stands now. Its members go by name.
 * 2. What looks as before, and is where it was, is what was there; in a list only if none with such a number is gone.
 * 3. Anything else, copies among it, is not certain, and refused: one record would get the identity of another.
 */
export class Telling {
  readonly #from: Json;
  readonly #shared: SharedDoubles;
  readonly #sources: ReadonlyMap<unknown, Json>;
  readonly #path: PathStep[] = [];

  /** `sources`: what the objects and lists were made of that the program got. */
  constructor(from: Json, shared: SharedDoubles, sources: ReadonlyMap<unknown, Json>) {
    this.#from = from;
    this.#shared = shared;
    this.#sources = sources;
  }

  /** The same, with the numbers of the document in place of the doubles that are shared. @throws {InputError} see 3. */
  told(made: unknown): unknown {
    return this.#told(made, this.#from, 0);
  }

  /** `was`: what was in its place before. */
  #told(value: unknown, was: Json | undefined, depth: number): unknown {
    if (typeof value === 'number') return this.#number(value, was, depth);
    if (typeof value !== 'object' || value === null || value instanceof Literal) return value;
    if (depth >= MAX_DEPTH) throw tooDeep();
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function') {
      return this.#told(toJSON.call(value, String(this.#path[depth - 1] ?? '')), undefined, depth);
    }
    const source = this.#sources.get(value);
    if (Array.isArray(value)) return this.#elements(value, source ?? was, depth);
    if (!isRecord(value)) return value; // which is refused later
    const known = source ?? (depth === 0 || looksLike(value, was) ? was : undefined);
    const members: Record<string, Json> = {};
    for (const name of Object.keys(value)) {
      this.#path[depth] = name;
      define(members, name, this.#told(value[name], memberOf(known, name), depth + 1) as Json);
    }
    return members;
  }

  #number(value: number, was: Json | undefined, depth: number): Json {
    const texts = this.#shared.get(value);
    if (texts === undefined) return value;
    if ((typeof was === 'number' || was instanceof Literal) && Number(was) === value) return was;
    const place = depth === 0 ? '' : ` at ${formatPath(this.#path.slice(0, depth))}`;
    throw new InputError('value', `has ${value}${place}, which may be ${anyOf([...texts])}: ${ADVICE}`);
  }

  #elements(values: readonly unknown[], was: Json | undefined, depth: number): unknown[] {
    const olds = this.#olds(values, isArray(was) ? was : []);
    return values.map((each, at) => {
      this.#path[depth] = at;
      return this.#told(each, olds[at], depth + 1);
    });
  }

  /** What each element was before, where that is certain. */
  #olds(values: readonly unknown[], olds: readonly Json[]): (Json | undefined)[] {
    const sources = values.map((each) => this.#sources.get(each));
    const stays = (at: number, from: number) =>
      sources[at] === undefined ? looksLike(values[at], olds[from]) : sources[at] === olds[from];
    const shift = olds.length - values.length;
    const shorter = Math.min(values.length, olds.length);
    let start = 0;
    while (start < shorter && stays(start, start)) start++;
    let end = values.length;
    while (end > start && end + shift > start && stays(end - 1, end - 1 + shift)) end--;
    const present = new Set(sources);
    const gone = olds.slice(start, end + shift).filter((old) => !present.has(old));
    if (gone.some((old) => this.#isShared(old))) return sources;
    return sources.map(
      (source, at) => source ?? (at < start ? olds[at] : at < end ? undefined : olds[at + shift]),
    );
  }

  #isShared(value: Json): boolean {
    let isShared = false;
    eachNumber(value, (number) => {
      isShared ||= this.#shared.has(Number(number));
    });
    return isShared;
  }
}

const ADVICE =
  'numbers that are one to a program. Change the draft in place, and move its records whole, not as copies';
const MOST_NAMED = 3;

function looksLike(value: unknown, old: Json | undefined): boolean {
  return old !== undefined && equal(value as Json, plain(old) as Json);
}

function anyOf(texts: readonly string[]): string {
  const named = texts.slice(0, MOST_NAMED);
  const rest = texts.length - named.length;
  if (rest > 0) return `${named.join(', ')} or one of ${rest} more`;
  return `${named.slice(0, -1).join(', ')} or ${named.at(-1)}`;
}
