import { basename, join, resolve } from 'node:path';
import type { Part, Pattern, PlainWord, Word } from './pattern.ts';

/** A command as it is about to be run. */
export interface Command {
  /** The command and its arguments. */
  readonly words: readonly string[];
  /** The file that would be run; asked for only when a pattern names the command by its path. */
  readonly file: () => string | undefined;
}

/** What the captures of a pattern stand for. */
export type Captured = ReadonlyMap<string, readonly string[]>;

/** Ends each argument in the text a pattern is compared with: no argument can hold it. */
const END = '\0';

/**
 * The captures, when the pattern matches the command; undefined otherwise.
 *
 * @param directory what a pattern that names its command by a path is relative to.
 * @param valueOptions options whose value is an argument of its own.
 */
export function matchPattern(
  pattern: Pattern,
  command: Command,
  directory: string,
  valueOptions: readonly string[] = [],
): Captured | undefined {
  const captured = new Map<string, string[]>();
  const [tool = '', ...rest] = command.words;
  const { positional, options } = splitArguments(rest, valueOptions);
  const matches =
    matchTool(pattern.tool, tool, command, directory, captured) &&
    pattern.options.every((word) => matchOptions(word, options, captured)) &&
    matchWords(pattern.words, positional, captured);
  return matches ? captured : undefined;
}

/** Options with their values, as `--name=value`, and the other arguments, each in their order. */
export function splitArguments(
  words: readonly string[],
  valueOptions: readonly string[],
): { readonly options: readonly string[]; readonly positional: readonly string[] } {
  const options: string[] = [];
  const positional: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      positional.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') positional.push(word);
    else if (valueOptions.includes(word) && at + 1 < words.length) options.push(`${word}=${words[++at]}`);
    else options.push(word);
  }
  return { options, positional };
}

/** A command is known by its name; by its path, when the pattern has one. */
function matchTool(
  word: PlainWord,
  tool: string,
  command: Command,
  directory: string,
  captured: Map<string, string[]>,
): boolean {
  if (!hasPath(word)) {
    return [toolName(tool), basename(tool)].some((name) => matchWord(word, name, '', captured));
  }
  const file = command.file();
  return file !== undefined && matchWord(inDirectory(word, directory), resolve(file), '', captured);
}

/** `mirror` for `/usr/bin/mirror`, and for `mirror.cmd`, as Windows has it. */
export function toolName(file: string): string {
  return basename(file).replace(/\.(exe|cmd|bat|com)$/i, '');
}

export function hasPath({ parts }: PlainWord): boolean {
  return parts.some((part) => part.kind === 'text' && part.text.includes('/'));
}

/** The word of a path, made absolute. */
export function inDirectory({ parts }: PlainWord, directory: string): PlainWord {
  const [first, ...rest] = parts;
  const text = first?.kind === 'text' ? first.text : '';
  const start = text.startsWith('/') ? text : join(directory, text);
  return {
    kind: 'plain',
    parts: [{ kind: 'text', text: start }, ...(first?.kind === 'text' ? rest : parts)],
  };
}

/** An option that is given several times has all its values: tools differ in whether the first counts, the last, or all. */
function matchOptions(word: PlainWord, options: readonly string[], captured: Map<string, string[]>): boolean {
  let matches = false;
  for (const option of options) {
    const values = new Map<string, string[]>();
    if (!matchWord(word, option, OPTION_END, values)) continue;
    matches = true;
    for (const [name, [value = '']] of values) {
      const known = captured.get(name) ?? [];
      if (!known.includes(value)) captured.set(name, [...known, value]);
    }
  }
  return matches;
}

/** An option that is named without a value may have one. */
const OPTION_END = '(?:=[^]*)?';

function matchWord(word: PlainWord, text: string, end: string, captured: Map<string, string[]>): boolean {
  const names: string[] = [];
  const match = new RegExp(`^${partsSource(word.parts, names)}${end}$`).exec(text);
  names.forEach((name, at) => {
    if (match !== null) captured.set(name, [match[at + 1] ?? '']);
  });
  return match !== null;
}

function matchWords(
  words: readonly Word[],
  positional: readonly string[],
  captured: Map<string, string[]>,
): boolean {
  const names: string[] = [];
  const source = words.map((word) => wordSource(word, names)).join('');
  const match = new RegExp(`^${source}$`).exec(positional.map((word) => word + END).join(''));
  if (match === null) return false;
  names.forEach((name, at) => {
    const values = (match[at + 1] ?? '').split(END);
    captured.set(name, values.length > 1 ? values.slice(0, -1) : values);
  });
  return true;
}

function wordSource(word: Word, names: string[]): string {
  if (word.kind === 'plain') return `${partsSource(word.parts, names)}\\0`;
  if (word.capture === undefined) return '(?:[^\\0]*\\0)*';
  names.push(word.capture);
  return '((?:[^\\0]*\\0)+)';
}

function partsSource(parts: readonly Part[], names: string[]): string {
  return parts.map((part) => partSource(part, names)).join('');
}

function partSource(part: Part, names: string[]): string {
  if (part.kind === 'text') return escaped(part.text);
  if (part.kind === 'any') return '[^\\0]*';
  if (part.kind === 'choice') return `(?:${part.choices.map(escaped).join('|')})`;
  names.push(part.name);
  return '([^\\0]*)';
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
