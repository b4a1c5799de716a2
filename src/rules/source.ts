import type { LineCounter } from 'yaml';
import { printable } from '../errors/describe.ts';
import { RulesError, type RulesPlace } from '../errors/rules-error.ts';
import { shortPath } from '../storage/working-directory.ts';

const WIDEST_EXCERPT = 100;

/** The text of one rules file, which knows the places in it. */
export class Source {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly #lines: LineCounter;

  constructor(path: string, text: string, lines: LineCounter) {
    this.path = path;
    this.text = text;
    this.#lines = lines;
  }

  placeAt(offset: number): RulesPlace & { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(Math.min(offset, this.text.length));
    return { file: shortPath(this.path), line: Math.max(1, line), column: Math.max(1, col) };
  }

  errorAt(offset: number, problem: string): RulesError {
    const place = this.placeAt(offset);
    return new RulesError(place, problem, this.#excerpt(place));
  }

  #excerpt({ line, column }: { readonly line: number; readonly column: number }): string {
    const text = (this.text.split(/\r?\n/, line)[line - 1] ?? '').replaceAll('\t', ' ');
    const from = Math.max(0, column - 1 - WIDEST_EXCERPT / 2);
    const shown = text.slice(from, from + WIDEST_EXCERPT);
    const gutter = `${line} | `;
    const before = printable(shown.slice(0, column - 1 - from));
    return `${gutter}${printable(shown)}\n${' '.repeat(gutter.length - 2)}| ${' '.repeat([...before].length)}^`;
  }
}
