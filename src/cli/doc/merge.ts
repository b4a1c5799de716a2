import { readFileSync, writeFileSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { JsonSyntaxError } from '../../errors/json-errors.ts';
import { formatJson } from '../../json/format.ts';
import type { Json } from '../../json/json.ts';
import { type Parsed, parseJson } from '../../json/parse.ts';
import { patchText } from '../../json/patch.ts';
import { type MergeOptions, merge } from '../../merge/merge.ts';
import type { Conflict, Merged } from '../../merge/result.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { codeOfNo, note, write } from '../output/text.ts';
import { report } from '../report.ts';
import { KINDS, placeText, shortText } from './values.ts';

export interface MergeFlags {
  readonly driver?: true;
  readonly identity?: readonly string[];
  readonly volatile?: readonly string[];
  readonly strategy?: Readonly<Record<string, string>>;
  readonly json?: true;
}

interface Files {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  /** What messages call the file: the paths that git gives a driver say nothing to a person. */
  readonly name?: string | undefined;
}

export function mergeFiles(files: Files, flags: MergeFlags): void {
  try {
    const { text, merged } = mergedText(files, flags);
    const isClean = merged.conflicts.length === 0;
    if (flags.driver === true) writeFileSync(files.ours, text);
    else if (flags.json !== true) write(1, text);
    if (flags.json === true) write(1, jsonOf(merged));
    else if (!isClean) tell(merged.conflicts, files);
    process.exitCode = isClean ? exitCodes.success : codeOfNo();
  } catch (error) {
    process.exitCode = report(error, flags, exitCodes.unusable);
  }
}

function mergedText(
  { base, ours, theirs, name }: Files,
  { identity, volatile, strategy }: MergeFlags,
): { readonly text: string; readonly merged: Merged<Json> } {
  const calls = (side: string, path: string) => printable(name === undefined ? path : `${name} (${side})`);
  const before = textOf(base, calls('base', base));
  const known = before === '' ? undefined : parsed(before, calls('base', base)).value;
  const own = parsed(textOf(ours, calls('ours', ours)), calls('ours', ours));
  const other = parsed(textOf(theirs, calls('theirs', theirs)), calls('theirs', theirs));
  const strategies = strategy as MergeOptions['strategies']; // which `merge` checks
  const merged = merge<Json>(known, own.value, other.value, { identity, volatile, strategies });
  return { text: patchText(own.text, merged.value, { parsed: own }), merged };
}

function textOf(path: string, called: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    const why = systemCode(error) ?? String(error);
    throw new CliError(exitCodes.unusable, 'HOLDFAST_UNREADABLE', `${called} cannot be read: ${why}.`);
  }
}

function parsed(text: string, called: string): Parsed {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column } = error;
    throw new CliError(exitCodes.unusable, 'HOLDFAST_JSON', `${called} is not JSON. ${error.message}`, {
      line,
      column,
    });
  }
}

function jsonOf({ value, conflicts, notes }: Merged<Json>): string {
  const told = { clean: conflicts.length === 0, value, conflicts, notes } as unknown as Json;
  return formatJson(told, { indent: '' });
}

function tell(conflicts: readonly Conflict[], { ours, name = ours }: Files): void {
  for (const { kind, text, ...values } of conflicts) {
    note(`conflict: ${placeText(text)}: ${KINDS[kind]}`);
    for (const side of ['base', 'ours', 'theirs'] as const)
      write(2, `  ${side.padEnd(8)}${shortText(values[side])}\n`);
  }
  const { length } = conflicts;
  const which = length === 1 ? 'a conflict' : `${length} conflicts`;
  note(
    `${printable(name)}: ${which}; the result has ours there, or what was changed where the other side removed it`,
  );
}
