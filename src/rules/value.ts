import type * as Yaml from 'yaml';
import { shown } from '../errors/input-error.ts';
import type { RulesError, RulesPlace } from '../errors/rules-error.ts';
import { didYouMean } from '../errors/suggest.ts';
import type { Source } from './source.ts';

type Node = Yaml.Node | null;
/** The parser's own ways to tell its nodes apart; the parser is loaded only when there is a file to read. */
type Kinds = Pick<typeof Yaml, 'isAlias' | 'isMap' | 'isScalar' | 'isSeq'>;

/** One value of a rules file, read as what it must be; anything else is an error that names its place. */
export class Value {
  readonly source: Source;
  /** Where it begins in the text. */
  readonly offset: number;
  readonly #what: string;
  readonly #node: Node;
  readonly #document: Yaml.Document;
  readonly #yaml: Kinds;

  constructor(yaml: Kinds, document: Yaml.Document, source: Source, what: string, node: unknown, offset = 0) {
    const found = node as Node;
    this.source = source;
    this.#yaml = yaml;
    this.#document = document;
    this.offset = found?.range?.[0] ?? offset;
    this.#what = what;
    this.#node = found;
    if (yaml.isAlias(found)) {
      const resolved = found.resolve(document);
      if (resolved === undefined) throw this.error(`no valid YAML: nothing is called &${found.source}`);
      this.#node = resolved;
    }
  }

  get place(): RulesPlace {
    return this.source.placeAt(this.offset);
  }

  get isText(): boolean {
    return this.#yaml.isScalar(this.#node) && typeof this.#node.value === 'string';
  }

  get isList(): boolean {
    return this.#yaml.isSeq(this.#node);
  }

  get isNothing(): boolean {
    return this.#node === null || (this.#yaml.isScalar(this.#node) && this.#node.value === null);
  }

  error(problem: string, within = 0): RulesError {
    return this.source.errorAt(this.offset + within, problem);
  }

  text(wanted = 'text'): string {
    if (this.#yaml.isScalar(this.#node)) {
      const { value } = this.#node;
      if (typeof value === 'string' && value.trim() !== '') return value;
      if (typeof value === 'number' || typeof value === 'boolean') {
        throw this.error(`${this.#what} must be ${wanted}, got ${this.#found()}; quote it if it is meant`);
      }
    }
    throw this.#mustBe(wanted);
  }

  /** Where the character at this index of `text()` stands, as far as the text was written plainly on one line. */
  indexWithin(at: number): number {
    const text = this.text();
    const start = this.source.text.indexOf(text, this.offset);
    return start === this.offset || start === this.offset + 1 ? start - this.offset + at : 0;
  }

  wholeNumber(lowest: number, highest: number): number {
    const value = this.#yaml.isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= lowest && value <= highest)
      return value;
    throw this.#mustBe(`a whole number from ${lowest} to ${highest}`);
  }

  oneOf<const T extends string>(choices: readonly T[]): T {
    const wanted = `one of ${choices.join(', ')}`;
    const text = this.text(wanted);
    if ((choices as readonly string[]).includes(text)) return text as T;
    throw this.error(`${this.#what} must be ${wanted}, got ${shown(text)}${didYouMean(text, choices)}`);
  }

  list(): Value[] {
    if (!this.#yaml.isSeq(this.#node)) throw this.#mustBe('a list');
    return this.#node.items.map((item) => this.#inside(this.#what, item));
  }

  /** One value, or a list of such values. */
  oneOrMore(): Value[] {
    const values = this.isList ? this.list() : [this];
    if (values.length === 0) throw this.error(`${this.#what} is an empty list`);
    return values;
  }

  /** The keys of a mapping with their values, in order. @throws when a key is given twice. */
  entries(wanted = 'a mapping'): (readonly [key: Value, value: Value])[] {
    if (!this.#yaml.isMap(this.#node)) throw this.#mustBe(wanted);
    const seen = new Map<string, Value>();
    return this.#node.items.map(({ key, value }) => {
      const name = this.#inside(`a key of ${this.#what}`, key);
      const text = name.text();
      const first = seen.get(text);
      if (first !== undefined) {
        throw name.error(`${shown(text)} is given twice in ${this.#what}, first in line ${first.place.line}`);
      }
      seen.set(text, name);
      const end = ((key as Node)?.range?.[1] ?? name.offset) as number;
      return [name, new Value(this.#yaml, this.#document, this.source, shown(text), value, end)] as const;
    });
  }

  /** The values under known keys. @throws for any other key. */
  fields<const K extends string>(known: readonly K[], wanted = 'a mapping'): { readonly [P in K]?: Value } {
    const fields: { [P in K]?: Value } = {};
    for (const [key, value] of this.entries(wanted)) {
      const name = key.text();
      if (!(known as readonly string[]).includes(name)) {
        const hint = didYouMean(name, known) || `; it may have ${known.join(', ')}`;
        throw key.error(`${this.#what} has no key ${shown(name)}${hint}`);
      }
      fields[name as K] = value;
    }
    return fields;
  }

  #inside(what: string, node: unknown): Value {
    return new Value(this.#yaml, this.#document, this.source, what, node, this.offset);
  }

  #mustBe(wanted: string): RulesError {
    return this.error(`${this.#what} must be ${wanted}, got ${this.#found()}`);
  }

  #found(): string {
    if (this.isNothing) return 'nothing';
    if (this.#yaml.isMap(this.#node)) return 'a mapping';
    if (this.#yaml.isSeq(this.#node)) return 'a list';
    const value = this.#yaml.isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === 'string' ? shown(value) : `the ${typeof value} ${shown(value)}`;
  }
}
