import { type Choice, canKeepBoth, resolvedValue } from '../../document/resolver/choose.ts';
import type { OpenConflict, Unresolved } from '../../document/resolver/unresolved.ts';
import { printable } from '../../errors/describe.ts';
import { JsonSyntaxError } from '../../errors/json-errors.ts';
import { parseJson } from '../../json/parse.ts';
import { differences, differenceText } from './differences.ts';
import { KINDS, placeText, shortText } from './values.ts';

/** Somebody who is asked, and told. */
export interface Person {
  /** Undefined when they leave. */
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly tell: (line: string) => void;
}

const HELP = `  m  mine: the version that was not saved      A  mine for this and all that are left
  t  theirs: what is in the document           T  theirs for this and all that are left
  b  before: what both began with              p  shows what would be written
  e  another value, as JSON                    u  takes the last answer back
  k  keeps both records; theirs gets a new id  q  leaves everything as it is`;

/**
 * Asks a person what counts at each conflict that has no answer yet; one line each, so that it needs no more than a
 * keyboard and reads well aloud. The answers go into `answers`. False when they leave, and then nothing is to be written.
 */
export async function askAbout(
  unresolved: Unresolved,
  answers: Map<string, Choice>,
  { ask, tell }: Person,
): Promise<boolean> {
  const { conflicts, meta } = unresolved;
  /** The keys of each step, for `u`. */
  const steps: string[][] = [];
  const answer = (choice: Choice, keys: readonly string[]) => {
    for (const key of keys) answers.set(key, choice);
    steps.push([...keys]);
  };
  const takeBack = () => {
    const last = steps.pop();
    for (const key of last ?? []) answers.delete(key);
    tell(last === undefined ? '  there is no answer to take back' : '  taken back');
  };
  const preview = () => tellChanges(unresolved, answers, tell);

  for (let shown: OpenConflict | undefined; ; ) {
    const left = conflicts.filter(({ key }) => !answers.has(key));
    const [conflict] = left;
    if (conflict === undefined) {
      preview();
      const word = (
        await ask('Write this? y writes, u takes the last answer back, q leaves everything: ')
      )?.trim();
      if (word === 'y' || word === 'yes') return true;
      if (word === undefined || word === 'q') return false;
      if (word === 'u') takeBack();
      continue;
    }
    if (conflict !== shown) tellRow(unresolved, conflict, tell);
    shown = conflict;
    const keys = left.map(({ key }) => key);
    const base = meta === undefined ? '' : '/b';
    const both = canKeepBoth(conflict) ? '/k' : '';
    const word = (await ask(`m/t${base}/e${both}/A/T/p/u/q, ? explains: `))?.trim();
    if (word === undefined || word === 'q') return false;
    if (word === 'm') answer('ours', [conflict.key]);
    else if (word === 't') answer('theirs', [conflict.key]);
    else if (word === 'b' && base !== '') answer('base', [conflict.key]);
    else if (word === 'k' && both !== '') answer('both', [conflict.key]);
    else if (word === 'A') answer('ours', keys);
    else if (word === 'T') answer('theirs', keys);
    else if (word === 'p') preview();
    else if (word === 'u') takeBack();
    else if (word === 'e') {
      const value = await askForValue(ask, tell);
      if (value !== undefined) answer(value, [conflict.key]);
    } else tell(HELP);
    if (word === 'u') shown = undefined;
  }
}

function tellRow({ conflicts, meta }: Unresolved, conflict: OpenConflict, tell: Person['tell']): void {
  const { text, kind, base, ours, theirs } = conflict;
  tell(`${conflicts.indexOf(conflict) + 1} of ${conflicts.length}: ${placeText(text)} (${KINDS[kind]})`);
  tell(`  before  ${shortText(base, meta === undefined ? '(unknown)' : '(not there)')}`);
  tell(`  mine    ${shortText(ours)}`);
  tell(`  theirs  ${shortText(theirs)}`);
}

/** What the document would become, against what it is. */
export function tellChanges(
  unresolved: Unresolved,
  answers: ReadonlyMap<string, Choice>,
  tell: Person['tell'],
): void {
  const after = resolvedValue(unresolved, Object.fromEntries(answers));
  const changes = differences(unresolved.theirs, after);
  if (changes.length === 0) tell('  the document stays as it is');
  for (const change of changes) tell(`  ${printable(differenceText(change))}`);
}

async function askForValue(
  ask: Person['ask'],
  tell: Person['tell'],
): Promise<{ readonly value: unknown } | undefined> {
  const word = await ask('its value, as JSON (nothing: no change): ');
  if (word === undefined || word.trim() === '') return undefined;
  try {
    return { value: parseJson(word).value };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    tell(`  that is not JSON: ${printable(error.problem)}; a text has quotes, such as "a text"`);
    return undefined;
  }
}
