import { DamagedError } from '../errors/document-errors.ts';
import { JsonSyntaxError } from '../errors/json-errors.ts';
import { equal } from '../json/equal.ts';
import { formatJson } from '../json/format.ts';
import type { Json } from '../json/json.ts';
import { outline } from '../json/outline.ts';
import { parseJson } from '../json/parse.ts';
import { patchText } from '../json/patch.ts';
import type { Adopted } from './adopt.ts';
import type { Version } from './file/version.ts';

/** A version with the value that its text stands for. */
export interface Loaded extends Version, Adopted {}

/** @throws {DamagedError} with line and column, where the text is not JSON. `path`: for the message. */
export function parse(text: string, path: string): Json {
  try {
    return parseJson(text).value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const problem = text === '' ? 'is empty' : `is not JSON: ${error.problem}`;
    throw new DamagedError(path, problem, error, error);
  }
}

/** The text for a value: that of what stands there, with what differs patched, or a new one. */
export function textOf(current: Loaded | undefined, json: Json): string {
  if (current === undefined) return formatJson(json);
  const { text, json: from, isRaised } = current;
  if (isRaised === true) return patchText(text, json);
  return equal(from, json) ? text : patchText(text, json, { parsed: outline(text, from, json) });
}
