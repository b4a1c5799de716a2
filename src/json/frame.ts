import { isArray, type Json } from './json.ts';
import { lineEnd, type Piece } from './pieces.ts';
import type { Layout } from './sniff.ts';

/** How the children of one array or object stand between its brackets, as far as new ones need to know. */
export interface Frame {
  /** Where the part of the old text ends that comes before any child. */
  readonly headEnd: number;
  /** White space before the first child, and before each other one. */
  readonly first: string;
  readonly next: string;
  /** What comes after the last child, with the closing bracket. */
  readonly tail: string;
  readonly hasLastComma: boolean;
  /** What the lines of children begin with. */
  readonly base: string;
  /** Whether this value goes on one line as a new child. */
  isInline(value: Json): boolean;
}

/** An array or an object in its text. */
export interface Container {
  readonly text: string;
  readonly start: number;
  readonly stop: number;
  readonly pieces: readonly Piece[];
  /** What the line begins with that it starts in, and whether it, or its name, is the first thing there. */
  readonly indent: string;
  readonly isFirstOfLine: boolean;
}

export function frameOf(container: Container, layout: Layout): Frame {
  const [piece] = container.pieces;
  return piece === undefined ? emptyFrame(container, layout) : filledFrame(container, piece, layout);
}

function filledFrame({ text, stop, pieces, indent }: Container, piece: Piece, layout: Layout): Frame {
  const [, second] = pieces;
  const last = pieces.at(-1) as Piece;
  const first = spaceBefore(text, piece);
  const isOnOneLine = !hasBreak(first);
  const next = isOnOneLine ? layout.gap : first;
  const siblings = pieces.slice(0, 8).map((each) => text.slice(each.valueBegin, each.valueEnd));
  return {
    headEnd: piece.begin,
    first,
    next: second === undefined ? next : spaceBefore(text, second),
    tail: text.slice(last.end, stop),
    hasLastComma: last.comma !== undefined,
    base: isOnOneLine ? indent : first.replace(/^[\r\n]+/, ''),
    isInline(value) {
      const sibling = siblings.find((each) => each.length > 2 && each.startsWith(isArray(value) ? '[' : '{'));
      return sibling === undefined ? isOnOneLine || layout.indent === '' : !hasBreak(sibling);
    },
  };
}

function emptyFrame({ text, start, stop, indent, isFirstOfLine }: Container, layout: Layout): Frame {
  const isOnOneLine = layout.indent === '' || !isFirstOfLine;
  const pad = text.charAt(start) === '{' ? layout.pad : '';
  const base = isOnOneLine ? indent : indent + layout.indent;
  const first = isOnOneLine ? pad : layout.newline + base;
  const isBlank = text.slice(start + 1, stop - 1).trim() === '';
  const headEnd = isBlank ? start + 1 : lineEnd(text, start + 1, stop - 1);
  const tail = (isOnOneLine ? pad : layout.newline + indent) + text.charAt(stop - 1);
  return {
    headEnd,
    first,
    next: isOnOneLine ? layout.gap : first,
    tail: isBlank ? tail : text.slice(headEnd, stop),
    hasLastComma: false,
    base,
    isInline: () => isOnOneLine,
  };
}

/** The white space right before a piece, from the last line break on if there is one. */
function spaceBefore(text: string, { begin, item }: Piece): string {
  const [space = ''] = /(?:\r\n?|\n)?[ \t]*$/.exec(text.slice(begin, item)) ?? [];
  return space;
}

function hasBreak(text: string): boolean {
  return /[\r\n]/.test(text);
}
