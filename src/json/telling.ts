import { align } from './align.ts';
import { equal } from './equal.ts';
import { eachNumber, type InexactDoubles, isSeveral, uncertain } from './inexact-doubles.ts';
import { define, isArray, type Json } from './json.ts';
import { Literal } from './literal.ts';
import { withMovedNumbers } from './moved-numbers.ts';
import type { PathStep } from './path.ts';
import type { Sources } from './sources.ts';
import { memberOf } from './values.ts';

/**
 * Tells which number of a document each double is that a program gives back:
 *
 * 1. An object or a list that was handed out is the one it was made of, wherever it stands now. Its members go by name.
 * 2. What looks as before, and is where it was, is what was there; in a list only if none with a shared double is gone.
 * 3. A copy is what `align` takes it for. A double that stands for several numbers is refused there: one record would get the
 *    identity of another.
 * 4. A double beyond 2^53 that stands for one number is that number where it moved, as under another name. It is refused if
 *    there are more of them than before: the program may mean the double itself.
 * 5. Any other double is itself.
 */
export class Telling {
  readonly #from: Json;
  readonly #doubles: InexactDoubles;
  readonly #isShared: boolean;
  readonly #sources: Sources;
  readonly #path: PathStep[] = [];
  /** Doubles that 4 is about. */
  readonly #open = new Set<number>();

  constructor(from: Json, doubles: InexactDoubles, sources: Sources) {
    this.#from = from;
    this.#doubles = doubles;
    this.#isShared = [...doubles.values()].some(isSeveral);
    this.#sources = sources;
  }

  /** What a program made, and `sources` knows, with the numbers of the document. @throws {InputError} see 3 and 4. */
  told(made: Json): Json {
    const told = this.#told(made, this.#from, this.#from, 0);
    return this.#open.size === 0 ? told : withMovedNumbers(told, this.#from, this.#open, this.#doubles);
  }

  /** `was`: what was in its place before. `near`: what it is likely to have been. */
  #told(value: Json, was: Json | undefined, near: Json | undefined, depth: number): Json {
    if (typeof value === 'number') return this.#number(value, was, near, depth);
    if (typeof value !== 'object' || value === null || value instanceof Literal) return value;
    if (value === near) return value;
    const source = this.#sources.of(value);
    if (source !== undefined && this.#sources.plain(source) === value) return source;
    if (isArray(value)) return this.#elements(value, source ?? was, source ?? near, depth);
    const known = source ?? (depth === 0 || this.#looksLike(value, was) ? was : undefined);
    const members: Record<string, Json> = {};
    for (const name of Object.keys(value)) {
      this.#path[depth] = name;
      const [old, nearOld] = [memberOf(known, name), memberOf(source ?? near, name)];
      define(members, name, this.#told(value[name] as Json, old, nearOld, depth + 1));
    }
    return members;
  }

  #number(value: number, was: Json | undefined, near: Json | undefined, depth: number): Json {
    const texts = this.#doubles.get(value);
    if (isSeveral(texts)) {
      if ((typeof was === 'number' || was instanceof Literal) && Number(was) === value) return was;
      throw uncertain(value, [...texts], this.#path.slice(0, depth));
    }
    if (near instanceof Literal && Object.is(near.valueOf(), value)) return near;
    if (texts !== undefined && Number.isFinite(value)) this.#open.add(value);
    return value;
  }

  #elements(
    values: readonly Json[],
    was: Json | undefined,
    near: Json | undefined,
    depth: number,
  ): readonly Json[] {
    const sources = values.map((each) => this.#sources.of(each));
    const olds = this.#isShared ? this.#olds(values, sources, isArray(was) ? was : []) : sources;
    const nears = this.#nears(values, sources, isArray(near) ? near : []);
    return values.map((each, at) => {
      this.#path[depth] = at;
      return this.#told(each, olds[at], nears[at], depth + 1);
    });
  }

  /** What each element was before, where that is certain. */
  #olds(
    values: readonly Json[],
    sources: readonly (Json | undefined)[],
    olds: readonly Json[],
  ): readonly (Json | undefined)[] {
    const stays = (at: number, from: number) =>
      sources[at] === undefined ? this.#looksLike(values[at], olds[from]) : sources[at] === olds[from];
    const shift = olds.length - values.length;
    const shorter = Math.min(values.length, olds.length);
    let start = 0;
    while (start < shorter && stays(start, start)) start++;
    let end = values.length;
    while (end > start && end + shift > start && stays(end - 1, end - 1 + shift)) end--;
    const present = new Set(sources);
    const gone = olds.slice(start, end + shift).filter((old) => !present.has(old));
    if (gone.some((old) => this.#hasShared(old))) return sources;
    return sources.map(
      (source, at) => source ?? (at < start ? olds[at] : at < end ? undefined : olds[at + shift]),
    );
  }

  /** What each element is likely to have been: those that no source tells of are aligned with what is left. */
  #nears(
    values: readonly Json[],
    sources: readonly (Json | undefined)[],
    olds: readonly Json[],
  ): readonly (Json | undefined)[] {
    const news = values.filter((_, at) => sources[at] === undefined);
    if (news.length === 0) return sources;
    const known = new Set(sources);
    const left = olds.filter((old) => !known.has(old));
    const plains = left.map((old) => this.#sources.plain(old) as Json);
    const { match } = align(plains, news);
    let next = 0;
    return sources.map((source) => source ?? left[match[next++] as number]);
  }

  #looksLike(value: Json | undefined, old: Json | undefined): boolean {
    return old !== undefined && equal(value, this.#sources.plain(old));
  }

  #hasShared(value: Json): boolean {
    let hasShared = false;
    eachNumber(value, (number) => {
      hasShared ||= isSeveral(this.#doubles.get(Number(number)));
    });
    return hasShared;
  }
}
