import type { Parsed } from './parse.ts';
import { commentEnd, isSpace } from './trivia.ts';

/**
 * One element or member with what belongs to it, as offsets into the text:
 *
 *     …,⏎  // about a⏎  "a": 1, // one⏎  "b": …
 *       ^begin          ^item    ^    ^end
 *                              comma
 *
 * What follows the comma on its line belongs to the piece before, and all else to the next one. So pieces may be left out,
 * moved and put beside one another, and each keeps its comments.
 */
export interface Piece {
  readonly begin: number;
  /** Where its name begins, or its value in a list. */
  readonly item: number;
  /** The node of its value, and where that begins and ends. */
  readonly node: number;
  readonly valueBegin: number;
  readonly valueEnd: number;
  readonly comma: number | undefined;
  readonly end: number;
}

/** The nodes of the children of an array, or of the names of an object's members, in the order of the text. */
export function childrenOf({ text, spans }: Parsed, node: number): number[] {
  const isObject = text.charAt(spans[node] as number) === '{';
  const after = spans[node + 2] as number;
  const children: number[] = [];
  for (let child = node + 3; child < after; child = spans[child + (isObject ? 5 : 2)] as number)
    children.push(child);
  return children;
}

/** All of an array or an object but its brackets. */
export function piecesOf(parsed: Parsed, node: number): readonly Piece[] {
  const { text, spans } = parsed;
  const [start, end] = [spans[node] as number, spans[node + 1] as number];
  const children = childrenOf(parsed, node);
  const toValue = text.charAt(start) === '{' ? 3 : 0;
  const limit = (at: number) => (at < children.length ? (spans[children[at] as number] as number) : end - 1);
  let begin = lineEnd(text, start + 1, limit(0));
  return children.map((child, at) => {
    const valueEnd = spans[child + toValue + 1] as number;
    const comma = commaAfter(text, valueEnd);
    const piece = {
      begin,
      item: spans[child] as number,
      node: child + toValue,
      valueBegin: spans[child + toValue] as number,
      valueEnd,
      comma,
      end: lineEnd(text, comma === undefined ? valueEnd : comma + 1, limit(at + 1)),
    };
    begin = piece.end;
    return piece;
  });
}

/** The end of the line that `from` stands in, comments passed over; `from` itself if that is not before `to`. */
export function lineEnd(text: string, from: number, to: number): number {
  for (let at = from; at < to; ) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) return at;
    at = commentEnd(text, at) ?? at + 1;
  }
  return from;
}

function commaAfter(text: string, from: number): number | undefined {
  let at = from;
  for (;;) {
    const after = isSpace(text.charCodeAt(at)) ? at + 1 : commentEnd(text, at);
    if (after === undefined) return text.charAt(at) === ',' ? at : undefined;
    at = after;
  }
}
