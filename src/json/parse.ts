import { JsonSyntaxError, type TextPlace } from '../errors/json-errors.ts';
import { define, type Json, MAX_DEPTH } from './json.ts';
import { numberOf } from './literal.ts';
import { commentEnd, isSpace } from './trivia.ts';

/**
 * Where each value stands in its text: three numbers a node, in the order of the text: its beginning, its end, and the
 * index of what follows its content. A member is two nodes: its name, a string, and its value.
 */
export type Spans = readonly number[];

export interface Parsed {
  readonly text: string;
  readonly value: Json;
  /** The root stands first. */
  readonly spans: Spans;
}

export interface ParseOptions {
  /** Whether comments and commas after the last element are allowed. */
  readonly jsonc?: boolean | undefined;
}

/**
 * Reads a text of JSON (RFC 8259), with a byte order mark before it or not. Takes linear time. Other than `JSON.parse` it
 * keeps numbers exact (`Literal`), refuses an object that has a member twice, since one of the two would be lost, and
 * refuses what is nested deeper than `MAX_DEPTH`. Throws `JsonSyntaxError`.
 */
export function parseJson(text: string, { jsonc = false }: ParseOptions = {}): Parsed {
  return new Parser(text, jsonc).whole();
}

/** What a text says; undefined for what is no JSON, or no text. */
export function jsonIn(text: string | undefined): Json | undefined {
  try {
    return text === undefined ? undefined : parseJson(text).value;
  } catch {
    return undefined;
  }
}

/** The line and column of an offset; a line ends with LF, CR LF or CR. */
export function placeAt(text: string, offset: number): TextPlace {
  let line = 1;
  let begin = text.charCodeAt(0) === BOM ? 1 : 0;
  for (const { index, 0: end } of text.slice(0, offset).matchAll(/\r\n?|\n/g)) {
    line++;
    begin = index + end.length;
  }
  return { line, column: Math.max(0, offset - begin) + 1, offset };
}

const BOM = 0xfeff;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const SLASH = 0x2f;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[\p{L}\p{N}_$.+-]+/uy;
const words = new Map<string, Json>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class Parser {
  readonly #text: string;
  readonly #jsonc: boolean;
  readonly #spans: number[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string, jsonc: boolean) {
    this.#text = text;
    this.#jsonc = jsonc;
  }

  whole(): Parsed {
    if (this.#text.charCodeAt(0) === BOM) this.#at++;
    const value = this.#value();
    this.#next();
    if (this.#at < this.#text.length) {
      throw this.#problem(`${this.#met()} stands after the end of the value`);
    }
    return { text: this.#text, value, spans: this.#spans };
  }

  /** The value that comes next; the caller has seen no end. */
  #value(): Json {
    const code = this.#next();
    const node = this.#spans.push(this.#at, 0, 0) - 3;
    const value = this.#content(code);
    this.#spans[node + 1] = this.#at;
    this.#spans[node + 2] = this.#spans.length;
    return value;
  }

  #content(code: number): Json {
    if (code === QUOTE) return this.#string();
    if (code === OPEN_OBJECT) return this.#nested(CLOSE_OBJECT);
    if (code === OPEN_ARRAY) return this.#nested(CLOSE_ARRAY);
    if (code === MINUS || (code >= 0x30 && code <= 0x39)) return this.#number();
    return this.#word();
  }

  #nested(close: number): Json {
    if (++this.#depth > MAX_DEPTH) {
      throw this.#problem(`arrays and objects are nested deeper than ${MAX_DEPTH} levels`);
    }
    this.#at++;
    const value = close === CLOSE_ARRAY ? this.#elements() : this.#members();
    this.#at++;
    this.#depth--;
    return value;
  }

  #elements(): Json {
    const elements: Json[] = [];
    for (let more = this.#next() !== CLOSE_ARRAY; more; more = this.#goesOn(CLOSE_ARRAY))
      elements.push(this.#value());
    return elements;
  }

  #members(): Json {
    const members: Record<string, Json> = {};
    const first = this.#spans.length;
    for (let more = this.#next() !== CLOSE_OBJECT; more; more = this.#goesOn(CLOSE_OBJECT)) {
      if (this.#next() !== QUOTE)
        throw this.#problem(`${this.#met()} stands where the name of a member in double quotes belongs`);
      const node = this.#spans.push(this.#at, 0, 0) - 3;
      const name = this.#string();
      this.#spans[node + 1] = this.#at;
      this.#spans[node + 2] = node + 3;
      if (Object.hasOwn(members, name)) throw this.#twice(name, first, node);
      if (this.#next() !== COLON) throw this.#problem(`a colon is missing after the name ${quoted(name)}`);
      this.#at++;
      define(members, name, this.#value());
    }
    return members;
  }

  /** Whether another element follows the one that was read; moves to it, or to the closing bracket. */
  #goesOn(close: number): boolean {
    const code = this.#next();
    if (code === close) return false;
    if (code !== COMMA) {
      const missing = `a comma or ${String.fromCharCode(close)} is missing`;
      throw this.#problem(
        this.#at < this.#text.length ? `${missing} before ${this.#met()}` : `the text ends, and ${missing}`,
      );
    }
    const comma = this.#at++;
    if (this.#next() !== close) return true;
    if (!this.#jsonc) throw this.#problem('a comma stands after the last element', comma);
    return false;
  }

  #string(): string {
    const text = this.#text;
    const begin = ++this.#at;
    for (let at = begin; ; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return text.slice(begin, at);
      }
      if (code === BACKSLASH) return this.#escaped(begin, at);
      if (!(code >= 0x20)) throw this.#badCharacter(at);
    }
  }

  /** The rest of a string whose first backslash stands at `at`. */
  #escaped(begin: number, first: number): string {
    const text = this.#text;
    for (let at = first; ; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return JSON.parse(text.slice(begin - 1, this.#at)) as string;
      }
      if (code === BACKSLASH) {
        const [escape] = /^\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/.exec(text.slice(at, at + 6)) ?? [];
        if (escape === undefined) throw this.#problem('a backslash begins no escape that JSON knows', at);
        at += escape.length - 1;
      } else if (!(code >= 0x20)) throw this.#badCharacter(at);
    }
  }

  #badCharacter(at: number): JsonSyntaxError {
    if (at >= this.#text.length) return this.#problem('the text ends inside of a string', at);
    return this.#problem(
      `a string contains the control character ${codePoint(this.#text, at)}, which must be escaped`,
      at,
    );
  }

  #number(): Json {
    const begin = this.#at;
    let at = begin;
    let value = 0;
    for (let code = this.#text.charCodeAt(at); isDigit(code); code = this.#text.charCodeAt(++at)) {
      value = value * 10 + code - 0x30;
    }
    const digits = at - begin;
    const isPlain = digits < 16 && (digits === 1 || (digits > 1 && this.#text.charCodeAt(begin) !== 0x30));
    if (!isPlain || endsNoNumber(this.#text.charCodeAt(at))) return this.#anyNumber();
    this.#at = at;
    return value;
  }

  #anyNumber(): Json {
    NUMBER.lastIndex = this.#at;
    const [number] = NUMBER.exec(this.#text) ?? [];
    WORD.lastIndex = this.#at;
    const [all = ''] = WORD.exec(this.#text) ?? [];
    if (number !== all) throw this.#problem(`${quoted(all)} is no number of JSON`);
    this.#at += all.length;
    return numberOf(all);
  }

  #word(): Json {
    WORD.lastIndex = this.#at;
    const [word = ''] = WORD.exec(this.#text) ?? [];
    const value = words.get(word);
    if (value === undefined) {
      throw this.#problem(
        this.#at < this.#text.length
          ? `${this.#met()} stands where a value belongs`
          : 'the text ends where a value belongs',
      );
    }
    this.#at += word.length;
    return value;
  }

  /** Passes over what means nothing. The code of the next character; NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (isSpace(code)) this.#at++;
      else if (code === SLASH && this.#jsonc) this.#comment();
      else return code;
    }
  }

  #comment(): void {
    const end = commentEnd(this.#text, this.#at);
    if (end === undefined) throw this.#problem('a comment has no end');
    this.#at = end;
  }

  /** What stands at this place, for a message. */
  #met(): string {
    const rest = this.#text.slice(this.#at, this.#at + 40);
    if (rest === '') return 'the end of the text';
    if (rest.startsWith('//') || rest.startsWith('/*')) return 'a comment';
    WORD.lastIndex = 0;
    const word = WORD.exec(rest)?.[0];
    if (word !== undefined) return quoted(word);
    return /^[!-~]/.test(rest) ? rest.charAt(0) : `the character ${codePoint(rest, 0)}`;
  }

  #twice(name: string, first: number, second: number): JsonSyntaxError {
    const spans = this.#spans;
    const at = (node: number) => spans[node] as number;
    let node = first;
    while (nameAt({ text: this.#text, spans }, node) !== name) node = at(node + 3 + 2);
    const place = placeAt(this.#text, at(node));
    const where = `line ${place.line}, column ${place.column}`;
    return this.#problem(
      `the member ${quoted(name)} stands twice in one object, the first time at ${where}`,
      at(second),
      place,
    );
  }

  #problem(problem: string, offset = this.#at, first?: TextPlace): JsonSyntaxError {
    return new JsonSyntaxError(placeAt(this.#text, offset), problem, first);
  }
}

/** The name of the member whose first node this is. */
export function nameAt({ text, spans }: Pick<Parsed, 'text' | 'spans'>, node: number): string {
  const raw = text.slice((spans[node] as number) + 1, (spans[node + 1] as number) - 1);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}

function codePoint(text: string, at: number): string {
  return `U+${(text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Whether digits before this sign may be but the beginning of something longer. */
function endsNoNumber(code: number): boolean {
  return !(code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || isSpace(code));
}
