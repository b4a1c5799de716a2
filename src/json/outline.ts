import { isArray, isObject, type Json } from './json.ts';
import { nameAt, type Parsed } from './parse.ts';
import { isSpace } from './trivia.ts';

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What `parseJson` says of a text, whose value is known, as far as a patch to another value asks for it: what is the very
 * same in both values has no nodes but its own. So the text is passed over, and nothing of it is made again.
 */
export function outline(text: string, value: Json, to: Json): Parsed {
  const scan = new Scan(text);
  scan.value(value, to);
  return { text, value, spans: scan.spans };
}

class Scan {
  readonly spans: number[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.charCodeAt(0) === 0xfeff) this.#at++;
  }

  /** `to`: undefined where nobody knows what it will be. */
  value(from: Json, to: Json | undefined): void {
    const code = this.#next();
    const { spans } = this;
    const node = spans.push(this.#at, 0, 0) - 3;
    if (from === to || (code !== OPEN_ARRAY && code !== OPEN_OBJECT)) this.#pass();
    else if (isArray(from)) this.#elements(from, to);
    else if (isObject(from)) this.#members(from, to);
    spans[node + 1] = this.#at;
    spans[node + 2] = spans.length;
  }

  #elements(from: readonly Json[], to: Json | undefined): void {
    const kept = new Set<Json>(isArray(to) ? to : []);
    this.#at++;
    for (let at = 0; this.#next() !== CLOSE_ARRAY; at++) {
      const element = from[at] as Json;
      this.value(element, kept.has(element) ? element : undefined);
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
  }

  #members(from: Readonly<Record<string, Json>>, to: Json | undefined): void {
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
      this.value(from[name] as Json, other);
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
  }

  /** Goes to the end of the value that begins here. */
  #pass(): void {
    let depth = 0;
    do {
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) this.#string();
      else if (depth === 0 && code !== OPEN_ARRAY && code !== OPEN_OBJECT) this.#word();
      else {
        this.#at++;
        if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++;
        else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
      }
    } while (depth > 0);
  }

  #string(): void {
    let end = this.#text.indexOf('"', this.#at + 1);
    while (this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1);
    this.#at = end + 1;
  }

  #isEscaped(at: number): boolean {
    let first = at;
    while (this.#text.charCodeAt(first - 1) === BACKSLASH) first--;
    return (at - first) % 2 === 1;
  }

  /** Goes to the end of a number or a word. */
  #word(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || isSpace(code)) return;
    }
  }

  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (isSpace(code)) code = this.#text.charCodeAt(++this.#at);
    return code;
  }
}
