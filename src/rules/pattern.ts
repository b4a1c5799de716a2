/**
 * One command pattern, such as `mirror install <name> **`: words that are compared with the arguments of a command.
 *
 * | word         | matches                                                                     |
 * | ------------ | --------------------------------------------------------------------------- |
 * | `save`       | the argument `save`                                                         |
 * | `*`          | one argument, whatever it is; within a word, any characters: `*.tar`        |
 * | `**`         | any number of arguments, none included; `...` is the same                   |
 * | `{save,sync}`| one of the alternatives; also within a word                                 |
 * | `<name>`     | one argument, remembered as `name`; also within a word: `<name>.tar`        |
 * | `<name...>`  | one argument or more, each remembered as `name`                             |
 * | `--force`    | the option, wherever it stands; also with a value: `--force=x`              |
 * | `--to=<dir>` | the option with its value                                                   |
 * | `'a b'`      | the argument `a b`; quotes and backslashes take everything literally        |
 *
 * Options that a pattern does not name are passed over wherever they stand, so that `mirror save` is matched by
 * `mirror -v save --force` too. Everything behind a lone `--` is an argument, and no option.
 */
export interface Pattern {
  /** As it was written. */
  readonly text: string;
  readonly tool: PlainWord;
  readonly words: readonly Word[];
  readonly options: readonly PlainWord[];
  /** The names it captures. */
  readonly captures: readonly string[];
}

export type Word = PlainWord | RestWord;

/** A word for one argument. */
export interface PlainWord {
  readonly kind: 'plain';
  readonly parts: readonly Part[];
}

/** A word for several arguments: any number, or, when they are captured, at least one. */
export interface RestWord {
  readonly kind: 'rest';
  readonly capture?: string | undefined;
}

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'capture'; readonly name: string };

/** What is wrong with a pattern, and at which character of it. */
export class PatternError extends Error {
  readonly at: number;
  constructor(problem: string, at: number) {
    super(problem);
    this.at = at;
  }
}

const NAME = '[A-Za-z][A-Za-z0-9_-]*';
const CAPTURE = new RegExp(`^<(${NAME})>`);
const REST = new RegExp(`^(?:\\*\\*|\\.\\.\\.|<(${NAME})\\.\\.\\.>)(?=\\s|$)`);

/** @throws {PatternError} */
export function parsePattern(text: string): Pattern {
  const [tool, ...rest] = readWords(text);
  if (tool === undefined) throw new PatternError('a pattern needs at least the name of a command', 0);
  if (tool.word.kind === 'rest') throw new PatternError('a pattern starts with the name of a command', 0);
  if (isOption(tool)) throw new PatternError('a pattern starts with the name of a command, not an option', 0);
  const words: Word[] = [];
  const options: PlainWord[] = [];
  for (const read of rest) {
    if (read.word.kind === 'plain' && isOption(read)) options.push(read.word);
    else words.push(read.word);
  }
  return { text, tool: tool.word, words, options, captures: capturesOf([tool, ...rest]) };
}

interface ReadWord {
  readonly word: Word;
  readonly at: number;
}

function readWords(text: string): ReadWord[] {
  const words: ReadWord[] = [];
  for (let at = 0; at < text.length; ) {
    const space = /^\s+/.exec(text.slice(at));
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const rest = REST.exec(text.slice(at));
    if (rest !== null) {
      words.push({ word: { kind: 'rest', ...(rest[1] === undefined ? {} : { capture: rest[1] }) }, at });
      at += rest[0].length;
      continue;
    }
    const { parts, end } = readParts(text, at);
    words.push({ word: { kind: 'plain', parts }, at });
    at = end;
  }
  return words;
}

function readParts(text: string, start: number): { parts: Part[]; end: number } {
  const parts: Part[] = [];
  const literal = (more: string) => {
    const last = parts.at(-1);
    if (last?.kind === 'text') parts[parts.length - 1] = { kind: 'text', text: last.text + more };
    else parts.push({ kind: 'text', text: more });
  };
  let at = start;
  while (at < text.length && !/\s/.test(text[at] as string)) {
    const character = text[at] as string;
    if (character === '\\') {
      if (at + 1 >= text.length) throw new PatternError('a backslash needs a character behind it', at);
      literal(text[at + 1] as string);
      at += 2;
    } else if (character === '"' || character === "'") {
      const end = text.indexOf(character, at + 1);
      if (end < 0) throw new PatternError(`the quote ${character} is never closed`, at);
      literal(text.slice(at + 1, end));
      at = end + 1;
    } else if (character === '*') {
      if (text[at + 1] === '*') throw new PatternError('** stands for whole arguments only', at);
      parts.push({ kind: 'any' });
      at++;
    } else if (character === '<') {
      const name = CAPTURE.exec(text.slice(at));
      if (name === null) throw new PatternError(`${badCapture(text, at)}; a capture is written <name>`, at);
      parts.push({ kind: 'capture', name: name[1] as string });
      at += name[0].length;
    } else if (character === '{') {
      const end = text.indexOf('}', at);
      if (end < 0) throw new PatternError('{ is never closed by }', at);
      parts.push({ kind: 'choice', choices: readChoices(text.slice(at + 1, end), at) });
      at = end + 1;
    } else {
      literal(character);
      at++;
    }
  }
  return { parts, end: at };
}

function badCapture(text: string, at: number): string {
  const end = text.indexOf('>', at);
  if (end < 0) return '< is never closed by >';
  return /\.\.\.>$/.test(text.slice(at, end + 1))
    ? 'a capture of several arguments stands alone'
    : `${text.slice(at, end + 1)} is no name`;
}

function readChoices(inner: string, at: number): string[] {
  const choices = inner.split(',').map((choice) => choice.trim());
  if (choices.some((choice) => choice === '')) throw new PatternError('an alternative is empty', at);
  if (choices.some((choice) => /[\s*<>{"'\\]/.test(choice))) {
    throw new PatternError('alternatives are plain words, such as {save,sync}', at);
  }
  return choices;
}

/** Whether a word is about an option: all it can match starts with a dash. */
function isOption({ word, at }: ReadWord): boolean {
  const first = word.kind === 'plain' ? word.parts[0] : undefined;
  if (first?.kind === 'text' && word.kind === 'plain') {
    if (first.text === '--' && word.parts.length === 1) {
      throw new PatternError('-- only ends the options and is never compared; leave it out', at);
    }
    return first.text.startsWith('-') && first.text !== '-';
  }
  if (first?.kind !== 'choice') return false;
  const dashed = first.choices.filter((choice) => choice.startsWith('-') && choice !== '-').length;
  if (dashed !== 0 && dashed !== first.choices.length) {
    throw new PatternError('alternatives are all options, or none is', at);
  }
  return dashed > 0;
}

function capturesOf(words: readonly ReadWord[]): string[] {
  const names: string[] = [];
  for (const { word, at } of words) {
    const own =
      word.kind === 'rest'
        ? (word.capture ?? [])
        : word.parts.flatMap((part) => (part.kind === 'capture' ? part.name : []));
    for (const name of [own].flat()) {
      if (names.includes(name)) throw new PatternError(`<${name}> is captured twice`, at);
      names.push(name);
    }
  }
  return names;
}

/** The names of captures in the name of a resource or in a message. */
export function capturesIn(template: string): string[] {
  return [...template.matchAll(new RegExp(`<(${NAME})>`, 'g'))].map(([, name]) => name as string);
}

/** A template with its captures filled in: one text for each way to do so, because a capture can have several values. */
export function fillIn(template: string, captured: ReadonlyMap<string, readonly string[]>): string[] {
  let texts: string[][] = [[]];
  for (const piece of template.split(new RegExp(`(<${NAME}>)`))) {
    const name = CAPTURE.exec(piece)?.[1];
    const values = name === undefined ? [piece] : (captured.get(name) ?? [piece]);
    texts = texts.flatMap((text) => values.map((value) => [...text, value]));
  }
  return [...new Set(texts.map((text) => text.join('')))];
}
