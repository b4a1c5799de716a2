import { InputError } from '../errors/input-error.ts';
import { isArray, type Json, MAX_DEPTH } from './json.ts';
import { Literal } from './literal.ts';
import type { Layout } from './sniff.ts';

/** How one value is written. */
export interface Style extends Pick<Layout, 'indent' | 'newline' | 'gap' | 'pad'> {
  /** Everything on one line, as `{ "id": 1 }` or `{"id":1}`. */
  readonly inline: boolean;
}

/** The text of a whole new document: two spaces a level, and a line end at its end, unless the layout says otherwise. */
export function formatJson(value: Json, { indent = '  ', newline = '\n' }: Partial<Layout> = {}): string {
  const inline = indent === '';
  return formatValue(value, { indent, newline, inline, gap: inline ? '' : ' ', pad: '' }, '', 0) + newline;
}

/** A value as text; its lines but the first begin with `base`. `depth`: how many arrays and objects are around it. */
export function formatValue(value: Json, style: Style, base: string, depth: number): string {
  if (value instanceof Literal) return value.text;
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new InputError('value', `contains ${value}`);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= MAX_DEPTH) throw tooDeep();
  const inner = base + style.indent;
  const isList = isArray(value);
  const items = isList
    ? value.map((element) => formatValue(element, style, inner, depth + 1))
    : Object.entries(value).map(
        ([name, each]) => `${JSON.stringify(name)}:${style.gap}${formatValue(each, style, inner, depth + 1)}`,
      );
  const [open, close] = isList ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  const pad = isList ? '' : style.pad;
  if (style.inline) return `${open}${pad}${items.join(`,${style.gap}`)}${pad}${close}`;
  const line = style.newline + inner;
  return `${open}${line}${items.join(`,${line}`)}${style.newline}${base}${close}`;
}

/** A value that is nested too deep, or contains itself. */
export function tooDeep(): InputError {
  return new InputError('value', `is nested deeper than ${MAX_DEPTH} levels, or contains itself`);
}
