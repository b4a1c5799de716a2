import { hasPath, inDirectory } from './match.ts';
import type { Part, Pattern, PlainWord, Word } from './pattern.ts';

/** A pattern with what it takes to know its meaning. */
export interface PlacedPattern {
  readonly pattern: Pattern;
  /** What a path in it is relative to. */
  readonly directory: string;
  readonly valueOptions: readonly string[];
}

/**
 * Whether every command that `later` matches is matched by one of the `earlier` patterns too, so that `later`, which is
 * tried after them, never is.
 *
 * Decided on the automata of the patterns: the states of `later` are walked together with the set of states that all
 * the earlier ones can be in (the subset construction). Patterns whose options are told apart differently are not
 * compared. Beyond `MOST_STEPS` it gives up and says no.
 */
export function isCovered(later: PlacedPattern, earlier: readonly PlacedPattern[]): boolean {
  const candidates = earlier.filter(
    (each) => isComparable(each, later) && mayMeet(each, later) && demandsLess(each.pattern, later.pattern),
  );
  if (candidates.length === 0) return false;
  const byName = candidates.filter(({ pattern }) => !hasPath(pattern.tool));
  if (
    byName.length > 0 &&
    includes(
      byName.map((each) => wordsOf(each)),
      nameOnly(later),
    )
  )
    return true;
  return includes(candidates.map(wordsOf), wordsOf(later));
}

const MOST_STEPS = 50_000;

function isComparable(a: PlacedPattern, b: PlacedPattern): boolean {
  return [...a.valueOptions].sort().join('\0') === [...b.valueOptions].sort().join('\0');
}

/** False when a look at the plain words of both tells that no command can match both. */
function mayMeet(a: PlacedPattern, b: PlacedPattern): boolean {
  const pairs = zip(nameOnly(a), nameOnly(b));
  const different = pairs.findIndex(differ);
  const rest = pairs.findIndex(([one, other]) => one.kind === 'rest' || other.kind === 'rest');
  return different < 0 || (rest >= 0 && rest < different);
}

function zip(a: readonly Word[], b: readonly Word[]): [Word, Word][] {
  return a.slice(0, b.length).map((word, at) => [word, b[at] as Word]);
}

function differ([a, b]: readonly [Word, Word]): boolean {
  const [one, other] = [textOf(a), textOf(b)];
  return one !== undefined && other !== undefined && one !== other;
}

function textOf(word: Word): string | undefined {
  const [part, ...more] = word.kind === 'plain' ? word.parts : [];
  return part?.kind === 'text' && more.length === 0 ? part.text : undefined;
}

/** Whether each option the first demands is there whenever the second matches. */
function demandsLess(first: Pattern, second: Pattern): boolean {
  return first.options.every((wanted) =>
    second.options.some((given) => includes([[optionWord(wanted)]], [optionWord(given)])),
  );
}

/** An option's word with the value it may have: any, as no option is compared to its end. */
function optionWord({ parts }: PlainWord): PlainWord {
  return { kind: 'plain', parts: [...parts, { kind: 'any' }] };
}

function wordsOf({ pattern, directory }: PlacedPattern): Word[] {
  const tool = hasPath(pattern.tool) ? inDirectory(pattern.tool, directory) : pattern.tool;
  return [tool, ...pattern.words];
}

/** The same with the command by its name, as it is also known where a pattern gives no path. */
function nameOnly({ pattern }: PlacedPattern): Word[] {
  const last = pattern.tool.parts.findLastIndex((part) => part.kind === 'text' && part.text.includes('/'));
  const parts = pattern.tool.parts.slice(Math.max(0, last)).map((part, at): Part => {
    return at === 0 && part.kind === 'text' ? { kind: 'text', text: part.text.replace(/^.*\//, '') } : part;
  });
  return [{ kind: 'plain', parts }, ...pattern.words];
}

/** What leads from one state to the next: one character, any but the end of an argument, that end, or nothing. */
type Label = { readonly character: string } | 'any' | 'end' | 'nothing';

interface Automaton {
  /** Of each state. */
  readonly edges: (readonly [on: Label, to: number])[][];
  readonly accepting: Set<number>;
  readonly starts: number[];
}

function automaton(alternatives: readonly (readonly Word[])[]): Automaton {
  const made: Automaton = { edges: [], accepting: new Set(), starts: [] };
  for (const words of alternatives) {
    const start = newState(made);
    made.starts.push(start);
    made.accepting.add(words.reduce((state, word) => addWord(made, state, word), start));
  }
  return made;
}

function newState({ edges }: Automaton): number {
  return edges.push([]) - 1;
}

function link({ edges }: Automaton, from: number, on: Label, to: number): void {
  edges[from]?.push([on, to]);
}

function addWord(made: Automaton, from: number, word: Word): number {
  const after = newState(made);
  if (word.kind === 'plain') {
    const end = word.parts.reduce((state, part) => addPart(made, state, part), from);
    link(made, end, 'end', after);
    return after;
  }
  const inside = newState(made);
  link(made, from, 'nothing', inside);
  link(made, inside, 'any', inside);
  link(made, inside, 'end', after);
  link(made, after, 'nothing', inside);
  if (word.capture !== undefined) return after;
  const done = newState(made);
  link(made, from, 'nothing', done);
  link(made, after, 'nothing', done);
  return done;
}

function addPart(made: Automaton, from: number, part: Part): number {
  if (part.kind === 'text') return addText(made, from, part.text);
  const after = newState(made);
  if (part.kind === 'choice') {
    for (const choice of part.choices) link(made, addText(made, from, choice), 'nothing', after);
  } else {
    link(made, from, 'nothing', after);
    link(made, after, 'any', after);
  }
  return after;
}

function addText(made: Automaton, from: number, text: string): number {
  let state = from;
  for (const character of text.split('')) {
    const next = newState(made);
    link(made, state, { character }, next);
    state = next;
  }
  return state;
}

/** Whether all that the second matches is matched by one of the first. */
function includes(first: readonly (readonly Word[])[], second: readonly Word[]): boolean {
  const outer = automaton(first);
  const inner = automaton([second]);
  const alphabet = [...lettersOf(outer), ...lettersOf(inner), 'end' as const, OTHER];
  const seen = new Set<string>();
  const open = [{ states: closure(inner, inner.starts), cover: closure(outer, outer.starts) }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { states, cover } = at;
    const key = `${states.join()}|${cover.join()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > MOST_STEPS) return false;
    if (accepts(inner, states) && !accepts(outer, cover)) return false;
    for (const letter of alphabet) {
      const next = step(inner, states, letter);
      if (next.length > 0) open.push({ states: next, cover: step(outer, cover, letter) });
    }
  }
  return true;
}

/** Stands for every character that no pattern names. */
const OTHER = { character: '' } as const;
type Letter = { readonly character: string } | 'end';

function lettersOf({ edges }: Automaton): Letter[] {
  return edges.flat().flatMap(([on]) => (typeof on === 'object' ? on : []));
}

function accepts({ accepting }: Automaton, states: readonly number[]): boolean {
  return states.some((state) => accepting.has(state));
}

function step(of: Automaton, states: readonly number[], letter: Letter): number[] {
  const next = states.flatMap((state) =>
    (of.edges[state] ?? []).flatMap(([on, to]) => (follows(on, letter) ? to : [])),
  );
  return closure(of, next);
}

function follows(on: Label, letter: Letter): boolean {
  if (on === 'nothing') return false;
  if (on === 'end' || letter === 'end') return on === letter;
  return on === 'any' || on.character === letter.character;
}

/** All states that are reached without a character, in order. */
function closure({ edges }: Automaton, states: readonly number[]): number[] {
  const reached = new Set<number>();
  const open = [...states];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (reached.has(at)) continue;
    reached.add(at);
    for (const [on, to] of edges[at] ?? []) if (on === 'nothing') open.push(to);
  }
  return [...reached].sort((a, b) => a - b);
}
