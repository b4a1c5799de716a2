import { isArray, isObject, type Json, type JsonObject } from './json.ts';
import { nameAt, type Parsed } from './parse.ts';
import { isSpace } from './trivia.ts';

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What `parseJson` says of a text, whose value is known, as far as a patch to another value asks for it: what is the very
 * same in both values has no nodes but its own, and what comes after the last difference has none at all. So that is
 * passed over, or never looked at, and nothing of it is made again.
 */
export function outline(text: string, value: Json, to: Json): Parsed {
  const scan = new Scan(text);
  scan.value(value, to, true);
  return { text, value, spans: scan.spans };
}

class Scan {
  readonly spans: number[] = [];
  readonly #text: string;
  /** Where the last value ends, and with it all that it is in. */
  readonly #end: number;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.charCodeAt(0) === 0xfeff) this.#at++;
    let end = text.length;
    while (isSpace(text.charCodeAt(end - 1))) end--;
    this.#end = end;
  }

  /** `to`: undefined where nobody knows what it will be. `isLast`: nothing after it differs. */
  value(from: Json, to: Json | undefined, isLast: boolean): void {
    const code = this.#next();
    const { spans } = this;
    const node = spans.push(this.#at, 0, 0) - 3;
    if (from === to || (code !== OPEN_ARRAY && code !== OPEN_OBJECT)) this.#pass();
    else if (isArray(from)) this.#elements(from, to, isLast);
    else if (isObject(from)) this.#members(from, to, isLast);
    spans[node + 1] = this.#at;
    spans[node + 2] = spans.length;
  }

  #elements(from: readonly Json[], to: Json | undefined, isLast: boolean): void {
    const only = isLast && isArray(to) ? onlyDifference(from, to) : undefined;
    const kept = only === undefined ? new Set<Json>(isArray(to) ? to : []) : undefined;
    this.#at++;
    for (let at = 0; this.#next() !== CLOSE_ARRAY; at++) {
      const element = from[at] as Json;
      const other =
        kept === undefined ? (to as readonly Json[])[at] : kept.has(element) ? element : undefined;
      this.value(element, other, at === only);
      if (at === only) {
        this.#at = this.#end;
        return;
      }
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
  }

  #members(from: JsonObject, to: Json | undefined, isLast: boolean): void {
    let left = isLast && isObject(to) ? differences(from, to) : undefined;
    this.#at++;
    while (this.#next() !== CLOSE_OBJECT) {
      const node = this.spans.push(this.#at, 0, 0) - 3;
      this.#string();
      this.spans[node + 1] = this.#at;
      this.spans[node + 2] = node + 3;
      const name = nameAt({ text: this.#text, spans: this.spans }, node);
      this.#next();
      this.#at++; // the colon
      const other = isObject(to) && Object.hasOwn(to, name) ? to[name] : undefined;
      if (left !== undefined && from[name] !== other) left--;
      this.value(from[name] as Json, other, left === 0);
      if (left === 0) {
        this.#at = this.#end;
        return;
      }
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
  }

  /** Goes to the end of the value that begins here. */
  #pass(): void {
    const text = this.#text;
    let at = this.#at;
    let depth = 0;
    do {
      const code = text.charCodeAt(at++);
      if (code === QUOTE) {
        for (let next = text.charCodeAt(at++); next !== QUOTE; next = text.charCodeAt(at++)) {
          if (next === BACKSLASH) at++;
        }
      } else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++;
      else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
      else if (depth === 0) at = this.#endOfWord(at);
    } while (depth > 0);
    this.#at = at;
  }

  #string(): void {
    let at = this.#at + 1;
    for (let next = this.#text.charCodeAt(at); next !== QUOTE; next = this.#text.charCodeAt(at)) {
      at += next === BACKSLASH ? 2 : 1;
    }
    this.#at = at + 1;
  }

  /** Of a number or a word. */
  #endOfWord(from: number): number {
    for (let at = from; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || isSpace(code)) return at;
    }
    return this.#text.length;
  }

  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (isSpace(code)) code = this.#text.charCodeAt(++this.#at);
    return code;
  }
}

/** How many members differ; undefined where the two have not the same ones. */
function differences(from: JsonObject, to: JsonObject): number | undefined {
  const names = Object.keys(from);
  if (names.length !== Object.keys(to).length || !names.every((name) => Object.hasOwn(to, name)))
    return undefined;
  return names.filter((name) => from[name] !== to[name]).length;
}

/** Where the one element stands that was changed in its place; undefined where that is not all there is. */
function onlyDifference(from: readonly Json[], to: readonly Json[]): number | undefined {
  if (from.length !== to.length) return undefined;
  const first = from.findIndex((element, at) => element !== to[at]);
  if (first !== from.findLastIndex((element, at) => element !== to[at])) return undefined;
  return isObject(from[first]) && isObject(to[first]) ? first : undefined;
}
