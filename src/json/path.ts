import { InputError } from '../errors/input-error.ts';
import { PathSyntaxError } from '../errors/json-errors.ts';
import { type Literal, numberOf } from './literal.ts';

/**
 * A member, an index, or the record with this field: `'roles'`, `3`, `{ id: 42 }`. A number that a double cannot hold is a
 * `Literal`, for the nearest double may be that of another record.
 */
export type PathStep = string | number | { readonly [field: string]: string | number | Literal };

/** The way from the root of a document to a value in it: `['roles', { id: 42 }, 'name']`. */
export type Path = readonly PathStep[];

/** A name that needs no quotes: `name`, `$version`, `größe`, `created-at`. */
const PLAIN = /^[\p{L}_$][\p{L}\p{M}\p{N}_$-]*$/u;

/** `roles[id=42].name`, `["a.b"]`, `[3]`; the root is the empty text. `parsePath` gives the same path back. */
export function formatPath(path: Path): string {
  return path.map(stepText).join('').replace(/^\./, '');
}

function stepText(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'string') return PLAIN.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  const [field] = Object.entries(step);
  if (field === undefined) throw new InputError('path', 'has a step without a field');
  return `[${word(field[0])}=${typeof field[1] === 'string' ? word(field[1]) : field[1]}]`;
}

function word(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}

/** Reads what `formatPath` writes, and names with digits: `roles.3` is the member `3`. Throws `PathSyntaxError`. */
export function parsePath(text: string): Path {
  const steps: PathStep[] = [];
  const fail = (offset: number, problem: string) => new PathSyntaxError(text, offset, problem);
  /** The text from `at` on that `pattern`, a sticky one, matches. */
  const match = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const quotedOrBare = (
    at: number,
  ): { readonly value: string; readonly end: number; readonly quoted: boolean } => {
    const quoted = match(/"(?:[^"\\]|\\.)*"/sy, at);
    const raw = quoted ?? match(/[^\s.[\]"=]+/y, at);
    if (raw === undefined)
      throw fail(at, text[at] === '"' ? 'a closing quote is missing' : 'a name is missing');
    if (quoted === undefined) return { value: raw, end: at + raw.length, quoted: false };
    try {
      return { value: JSON.parse(quoted) as string, end: at + raw.length, quoted: true };
    } catch {
      throw fail(at, 'the quoted name is not a JSON string');
    }
  };
  /** The step in brackets that begins at `at`, and where it ends. */
  const bracket = (at: number): { readonly step: PathStep; readonly end: number } => {
    const index = match(/\d+(?=\])/y, at);
    if (index !== undefined) {
      if (!Number.isSafeInteger(Number(index))) throw fail(at, 'the index is too large');
      return { step: Number(index), end: at + index.length };
    }
    const name = quotedOrBare(at);
    if (text[name.end] !== '=') {
      if (!name.quoted) throw fail(at, 'between brackets goes an index, a "name" in quotes, or field=value');
      return { step: name.value, end: name.end };
    }
    const number = match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\])/y, name.end + 1);
    if (number !== undefined) {
      return { step: { [name.value]: numberOf(number) }, end: name.end + 1 + number.length };
    }
    const { value, end } = quotedOrBare(name.end + 1);
    return { step: { [name.value]: value }, end };
  };
  for (let at = 0; at < text.length; ) {
    if (text[at] === '[') {
      const { step, end } = bracket(at + 1);
      if (text[end] !== ']') throw fail(end, 'a closing bracket is missing');
      steps.push(step);
      at = end + 1;
      continue;
    }
    if (at > 0 && text[at] !== '.') throw fail(at, 'a dot or an opening bracket is missing');
    const name = quotedOrBare(at > 0 ? at + 1 : at);
    if (name.quoted) throw fail(at, 'a name in quotes goes between brackets');
    steps.push(name.value);
    at = name.end;
  }
  return steps;
}
