import { align } from './align.ts';
import { equal } from './equal.ts';
import { formatValue } from './format.ts';
import { type Frame, frameOf } from './frame.ts';
import { isArray, isObject, type Json, type JsonObject } from './json.ts';
import { Output } from './output.ts';
import { nameAt, type Parsed, type ParseOptions, parseJson } from './parse.ts';
import { childrenOf, type Piece, piecesOf } from './pieces.ts';
import { type Layout, sniff } from './sniff.ts';

export interface PatchOptions extends ParseOptions {
  /** The text, where it was parsed before. */
  readonly parsed?: Parsed | undefined;
}

/**
 * The text changed so that it says `to`: parsed again it equals `to`, and a value that `text` says already gives `text`
 * itself. What is not changed keeps every byte: spacing, escapes, spelling of numbers, comments, and the order of members,
 * also where `to` has them in another one. A new member goes after the one that is before it in `to`; elements of a list
 * take the order of `to`, and each brings its own text along. What is new is indented as the text is. Linear.
 *
 * Throws `JsonSyntaxError` if the text is not JSON, `InputError` if `to` holds a number that is not finite, or is too deep.
 */
export function patchText(
  text: string,
  to: Json,
  { jsonc, parsed = parseJson(text, { jsonc }) }: PatchOptions = {},
): string {
  return new Patch(parsed).whole(to);
}

/** One child of the new array or object. */
interface Entry {
  readonly value: Json;
  /** Of a new member. */
  readonly name?: string;
  /** Where it stands in the text, and what it is there, unless it is new. */
  readonly piece?: Piece | undefined;
  readonly before?: Json | undefined;
}

/** For what has nothing in it. */
const PLAIN = { indent: '', newline: '', gap: '', pad: '', inline: true };
/** From the node of a name to that of its value. */
const NAME = 3;

class Patch {
  readonly #parsed: Parsed;
  readonly #spans: number[];
  readonly #text: string;
  readonly #layout: Layout;
  readonly #out: Output;

  constructor(parsed: Parsed) {
    this.#spans = parsed.spans.slice();
    this.#parsed = { ...parsed, spans: this.#spans };
    this.#text = parsed.text;
    this.#layout = sniff(parsed.text);
    this.#out = new Output(parsed.text, this.#layout.newline);
  }

  whole(to: Json): string {
    const [start, stop] = this.#span(0);
    this.#out.copy(0, start);
    this.#value(0, start, this.#parsed.value, to, 0);
    this.#out.copy(stop, this.#text.length);
    return this.#out.text();
  }

  /**
   * Writes what was the value of `node`. `item`: where that begins, or its name if it is a member. `depth`: how many arrays
   * and objects are around it.
   */
  #value(node: number, item: number, from: Json, to: Json, depth: number): void {
    if (from !== to && isArray(from) && isArray(to)) this.#array(this.#whole(node), item, from, to, depth);
    else if (from !== to && isObject(from) && isObject(to))
      this.#object(this.#whole(node), item, from, to, depth);
    else if (equal(from, to)) this.#out.copy(...this.#span(node));
    else if (typeof to !== 'object' || to === null) this.#out.emit(formatValue(to, PLAIN, '', depth));
    else {
      const inline = this.#layout.indent === '' || !this.#isFirstOfLine(item);
      this.#out.emit(formatValue(to, { ...this.#layout, inline }, this.#indentAt(item), depth));
    }
  }

  /** A node with those of its children, which an outline leaves out. */
  #whole(node: number): number {
    const [start, stop] = this.#span(node);
    if (this.#spans[node + 2] !== node + 3 || stop - start === 2) return node;
    const base = this.#spans.length;
    const { spans } = parseJson(this.#text.slice(start, stop), { jsonc: true });
    for (const [at, number] of spans.entries()) this.#spans.push(number + (at % 3 === 2 ? base : start));
    return base;
  }

  #object(node: number, item: number, from: JsonObject, to: JsonObject, depth: number): void {
    const names = Object.keys(to);
    const children = childrenOf(this.#parsed, node);
    const olds = children.map((child) => nameAt(this.#parsed, child));
    const isSame =
      names.length === Object.keys(from).length && names.every((name) => Object.hasOwn(from, name));
    if (isSame) {
      this.#inPlace(
        node,
        children.map((child) => child + NAME),
        (value, at) => {
          const name = olds[at] as string;
          this.#value(value, this.#span(value - NAME)[0], from[name] as Json, to[name] as Json, depth + 1);
        },
      );
      return;
    }
    const kept = olds.filter((name) => Object.hasOwn(to, name));
    const news = newMembers(names, kept);
    const fresh = (after: string | undefined) =>
      (news.get(after) ?? []).map((name): Entry => ({ name, value: to[name] as Json }));
    const pieces = piecesOf(this.#parsed, node);
    const entries = olds.flatMap((name, at): Entry[] => {
      if (!Object.hasOwn(to, name)) return [];
      return [{ value: to[name] as Json, piece: pieces[at], before: from[name] }, ...fresh(name)];
    });
    this.#rebuild(node, item, pieces, [...fresh(undefined), ...entries], depth);
  }

  #array(node: number, item: number, from: readonly Json[], to: readonly Json[], depth: number): void {
    const { match, prefix, suffix } = align(from, to);
    /** What is known to be equal counts as the very same. */
    const before = (at: number) =>
      (at < prefix || at >= to.length - suffix ? to[at] : from[match[at] as number]) as Json;
    if (to.length === from.length && match.every((old, at) => old === at)) {
      this.#inPlace(node, childrenOf(this.#parsed, node), (value, at) => {
        this.#value(value, this.#span(value)[0], before(at), to[at] as Json, depth + 1);
      });
      return;
    }
    const pieces = piecesOf(this.#parsed, node);
    const entries = to.map((value, at): Entry => {
      const piece = pieces[match[at] as number];
      return piece === undefined ? { value } : { value, piece, before: before(at) };
    });
    this.#rebuild(node, item, pieces, entries, depth);
  }

  /** Writes an array or an object whose children stay: `write` is called with the node of each value. */
  #inPlace(node: number, values: readonly number[], write: (value: number, at: number) => void): void {
    const [start, stop] = this.#span(node);
    let copied = start;
    for (const [at, value] of values.entries()) {
      const [begin, end] = this.#span(value);
      this.#out.copy(copied, begin);
      write(value, at);
      copied = end;
    }
    this.#out.copy(copied, stop);
  }

  /** Writes an array or an object whose children are not the same as before, or not in the same order. */
  #rebuild(
    node: number,
    item: number,
    pieces: readonly Piece[],
    entries: readonly Entry[],
    depth: number,
  ): void {
    const [start, stop] = this.#span(node);
    if (entries.length === 0) {
      this.#out.emit(this.#text.charAt(start) + this.#text.charAt(stop - 1));
      return;
    }
    const around = { indent: this.#indentAt(item), isFirstOfLine: this.#isFirstOfLine(item) };
    const frame = frameOf({ text: this.#text, start, stop, pieces, ...around }, this.#layout);
    this.#out.copy(start, frame.headEnd);
    if (this.#hasLineComment(start + 1, frame.headEnd)) this.#out.endsInComment();
    for (const [at, entry] of entries.entries()) {
      const comma = at < entries.length - 1 || frame.hasLastComma ? ',' : '';
      const lead = at === 0 ? frame.first : frame.next;
      const { piece } = entry;
      if (piece === undefined) this.#out.emit(lead + this.#fresh(entry, frame, depth) + comma);
      else {
        const isMoved =
          (at === 0) !== (piece === pieces[0]) && isBlank(this.#text.slice(piece.begin, piece.item));
        if (isMoved) this.#out.emit(lead);
        else this.#out.copy(piece.begin, piece.item);
        this.#old(piece, entry, comma, depth);
      }
    }
    this.#out.emit(frame.tail);
  }

  #fresh({ name, value }: Entry, frame: Frame, depth: number): string {
    const style = { ...this.#layout, inline: frame.isInline(value) };
    const label = name === undefined ? '' : `${JSON.stringify(name)}:${this.#layout.gap}`;
    return label + formatValue(value, style, frame.base, depth + 1);
  }

  /** Writes a child that was there, from its name or value to the end of its line. */
  #old(piece: Piece, { before, value }: Entry, comma: '' | ',', depth: number): void {
    this.#out.copy(piece.item, piece.valueBegin);
    this.#value(piece.node, piece.item, before as Json, value, depth + 1);
    if (piece.comma === undefined) {
      this.#out.emit(comma);
      this.#out.copy(piece.valueEnd, piece.end);
    } else {
      this.#out.copy(piece.valueEnd, piece.comma);
      this.#out.copy(comma === '' ? piece.comma + 1 : piece.comma, piece.end);
    }
    if (this.#hasLineComment(piece.valueEnd, piece.end)) this.#out.endsInComment();
  }

  /** Whether a comment that goes to the end of its line stands here; only comments and a comma do. */
  #hasLineComment(begin: number, end: number): boolean {
    return this.#text
      .slice(begin, end)
      .replace(/\/[*].*?[*]\//gs, '')
      .includes('//');
  }

  #span(node: number): readonly [start: number, stop: number] {
    return [this.#spans[node] as number, this.#spans[node + 1] as number];
  }

  #isFirstOfLine(at: number): boolean {
    return isBlank(this.#text.slice(this.#lineStart(at), at).replace(/^\ufeff/, ''));
  }

  /** The white space that the line of this place begins with. */
  #indentAt(at: number): string {
    if (this.#layout.indent === '') return '';
    return /^[ \t]*/.exec(this.#text.slice(this.#lineStart(at), at))?.[0] ?? '';
  }

  #lineStart(at: number): number {
    return this.#text.lastIndexOf(this.#layout.newline.slice(-1), at) + 1;
  }
}

/** New members by the old one that they go after; undefined: before all. */
function newMembers(names: readonly string[], kept: readonly string[]): Map<string | undefined, string[]> {
  const isKept = new Set(kept);
  const news = new Map<string | undefined, string[]>();
  let previous: string | undefined;
  for (const name of names) {
    if (isKept.has(name)) previous = name;
    else {
      // Objects have names like "10" before all others, which says nothing of where they should go.
      const after = previous ?? (/^\d+$/.test(name) ? kept.at(-1) : undefined);
      const same = news.get(after);
      if (same === undefined) news.set(after, [name]);
      else same.push(name);
    }
  }
  return news;
}

function isBlank(text: string): boolean {
  return /^[ \t]*$/.test(text);
}
