import { holders as describeHolders, duration, printable, shellWord } from '../../errors/describe.ts';
import { type BusyError, TimeoutError } from '../../errors/lock-errors.ts';
import { placeText } from '../../errors/rules-error.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import type { Decision, PlannedLock } from '../../rules/decide.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import type { GlobalOptions } from '../settings.ts';
import { placeFlags } from './place.ts';

/** A command that could not have its locks: which operation, who is in the way, and what to do next. */
export function refusal(
  error: BusyError | TimeoutError,
  decision: Decision,
  words: readonly string[],
  place: GlobalOptions,
): CliError {
  const { operation, locks } = decision;
  const { exitCode = error instanceof TimeoutError ? exitCodes.timeout : exitCodes.busy } =
    operation.settings;
  const { holders, waited, resource, path } = error;
  const lock = locks.find(({ target }) => labelOf(target) === resource);
  const wait = error instanceof TimeoutError ? `; waited ${duration(waited)}${inLine(error)}` : '';
  const message = `${opening(decision)} ${heldBy(resource, holders)}${wait}. ${nextStep(lock, words, place)}. ${ruleText(decision)}`;
  const { code } = error;
  return new CliError(exitCode, message, {
    code,
    operation: operation.name,
    resource,
    path,
    holders,
    waited,
  });
}

export function heldBy(resource: string, holders: readonly HolderRecord[]): string {
  return `${printable(resource)} is held by ${describeHolders(holders)}`;
}

export function ruleText({ operation }: Decision): string {
  return `Rule: ${printable(operation.name)} in ${placeText({ file: operation.place.file, ...lineOf(operation.place) })}`;
}

/** Columns help editors; people look for lines. */
function lineOf({ line }: { readonly line?: number }): { readonly line?: number } {
  return line === undefined ? {} : { line };
}

/** How to look closer and how to wait; a name with a slash would be taken for a file, so the command itself is used. */
export function nextStep(
  lock: PlannedLock | undefined,
  words: readonly string[],
  place: GlobalOptions,
): string {
  const { target } = lock ?? {};
  if (target === undefined || (typeof target !== 'string' && 'name' in target && target.name.includes('/'))) {
    const command = words.map((word) => shellWord(printable(word))).join(' ');
    return `Look: holdfast guard --explain -- ${command} · wait: holdfast guard --policy wait -- ${command}`;
  }
  const name = placeFlags(place) + shellWord(printable(labelOf(target)));
  return `Look: holdfast who ${name} · wait: holdfast wait ${name}`;
}

export function labelOf(target: PlannedLock['target']): string {
  if (typeof target === 'string') return target;
  return 'name' in target ? target.name : target.file;
}

function opening({ operation, captured }: Decision): string {
  const { message } = operation.settings;
  if (message === undefined) return `${printable(operation.name)} was not started:`;
  const text = message.replace(/<([\w-]+)>/g, (all, name: string) => captured.get(name)?.join(', ') ?? all);
  return printable(/[.!?:]$/.test(text) ? text : `${text}:`);
}

function inLine({ position }: TimeoutError): string {
  return position === undefined ? '' : ` at place ${position} of the queue`;
}
