import type { DocumentConflict } from '../../document/batch.ts';
import { printable } from '../../errors/describe.ts';
import { formatJson } from '../../json/format.ts';
import type { Json } from '../../json/json.ts';

const LONGEST = 160;

/** A value on one line, cut where it is long. */
export function shortText(value: Json | undefined, absent = '(not there)'): string {
  if (value === undefined) return absent;
  const text = printable(formatJson(value, { indent: '', newline: '' }));
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** A place in a document, for people. */
export function placeText(text: string): string {
  return text === '' ? 'the whole document' : printable(text);
}

export const KINDS: Readonly<Record<DocumentConflict['kind'], string>> = {
  'edit-edit': 'both changed it',
  'delete-edit': 'ours removed it, theirs changed it',
  'edit-delete': 'ours changed it, theirs removed it',
  'add-add': 'both added it',
  type: 'both changed it, to values of different types',
  order: 'both moved elements, and no order suits both',
  invalid: 'together they do not fit the schema of the program',
};

/** JSON of exact values, on one line. */
export function exactJson(value: unknown): string {
  return formatJson(value as Json, { indent: '', newline: '' });
}
