import { InputError, shown } from '../errors/input-error.ts';

/** One step of a pattern: a member (of any name, when it has none), an element, or any number of steps. */
export interface Token {
  readonly kind: 'member' | 'element' | 'any';
  readonly name?: string;
}

const TOKEN = /\[\*?\]|\["((?:[^"\\]|\\.)*)"\]|(?:^|\.)(\*\*|\*|[^\s.[\]"*=]+)/sy;
const ANY: Token = { kind: 'any' };

/**
 * Reads a pattern, which is written as a path is: `roles[].limits.seats`, `["a.b"]`; `[]` or `[*]` is any element, `*` a
 * member of any name, `**` any number of steps. It matches the end of a path, unless it begins with `$`, the root.
 *
 * @throws {InputError} for anything else.
 */
export function parsePattern(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
    const match = TOKEN.exec(text);
    if (match === null) break;
    tokens.push(tokenOf(match));
    if (TOKEN.lastIndex === text.length)
      return /^\$(?![^.[])/.test(text) ? tokens.slice(1) : [ANY, ...tokens];
  }
  throw new InputError(
    shown(text),
    'is no pattern of paths; one looks like roles[].name, limits.* or ["a.b"]',
  );
}

function tokenOf([text, quoted, word]: RegExpExecArray): Token {
  if (quoted !== undefined) return { kind: 'member', name: unquoted(quoted) };
  if (word === undefined) return { kind: 'element' };
  if (text === '**' || text === '.**') return ANY;
  return word === '*' ? { kind: 'member' } : { kind: 'member', name: word };
}

function unquoted(inner: string): string {
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    throw new InputError(shown(inner), 'is no name in quotes, as JSON has them');
  }
}
