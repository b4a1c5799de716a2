import { printable } from '../../errors/describe.ts';
import { type Colours, coloursFor } from '../output/colour.ts';
import { table } from '../output/table.ts';
import type { Check } from './check.ts';
import type { Examination } from './examine.ts';

const INDENT = '  ';

/** One directory as people read it: a line for each check, and the next step below those that are not well. */
export function describeExamination({ directory, holds, checks }: Examination): string {
  const colours = coloursFor(1);
  const title = `${printable(directory)} (${holds === 'names' ? 'locks on names' : 'locks on files in it'})`;
  const lines = table(checks.map((check) => row(check, colours))).split('\n');
  const rows = lines.flatMap((line, at) => [INDENT + line, ...nextStep(checks[at], colours)]);
  return [colours.bold(title), ...rows].join('\n');
}

export function conclusion(examinations: readonly Examination[]): string {
  const { green, red } = coloursFor(1);
  const unsafe = examinations.filter(({ safe }) => !safe).map(({ directory }) => printable(directory));
  if (unsafe.length > 0) return `${red('not safe')}: ${unsafe.join(', ')}`;
  const warned = examinations.some(({ checks }) => checks.some(({ mark }) => mark === 'warn'));
  return warned ? `${green('safe')}, with warnings` : green('safe');
}

function row({ mark, name, says }: Check, colours: Colours): string[] {
  const paint = { ok: colours.green, note: colours.dim, warn: colours.yellow, fail: colours.red }[mark];
  return [paint(mark), name, printable(says)];
}

function nextStep(check: Check | undefined, { dim }: Colours): string[] {
  return check?.next === undefined ? [] : [`${INDENT}      ${dim(`→ ${printable(check.next)}`)}`];
}
