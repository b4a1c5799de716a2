import {
  holders as describeHolders,
  duration,
  heldOrKept,
  isStuck,
  printable,
  shellWord,
} from '../../errors/describe.ts';
import { type BusyError, copyAdvice, stuckStep, TimeoutError } from '../../errors/lock-errors.ts';
import { placeText } from '../../errors/rules-error.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { cliNameOf } from '../../lock/cli-name.ts';
import type { Decision, PlannedLock } from '../../rules/decide.ts';
import { findRules } from '../../rules/find.ts';
import type { Operation } from '../../rules/rules.ts';
import { absolute } from '../../storage/working-directory.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { GuardOptions } from './options.ts';
import { isOfProject, placeFor } from './place.ts';

/** A command that could not have its locks: which operation, who is in the way, and what to do next. */
export function refusal(error: BusyError | TimeoutError, asked: Asked): CliError {
  const { operation, locks } = asked.decision;
  const { exitCode = error instanceof TimeoutError ? exitCodes.timeout : exitCodes.busy } =
    operation.settings;
  const { code, holders, waited, resource, path } = error;
  const lock = locks.find(({ target }) => labelOf(target) === resource);
  const wait = error instanceof TimeoutError ? `; waited ${duration(waited)}${inLine(error)}` : '';
  const busy = `${heldBy(resource, holders)}${wait}`;
  const message = `${opening(asked.decision)} ${busy}. ${nextStep(lock, holders, asked)}. ${ruleText(asked.decision)}`;
  return new CliError(exitCode, code, message, {
    code,
    operation: operation.name,
    resource,
    path,
    holders,
    waited,
  });
}

export function heldBy(resource: string, holders: readonly HolderRecord[]): string {
  return `${printable(resource)} is ${heldOrKept(holders)} by ${describeHolders(holders)}`;
}

export function ruleText({ operation }: Decision): string {
  return `Rule: ${printable(operation.name)} in ${placeText({ file: operation.place.file, ...lineOf(operation.place) })}`;
}

/** Columns help editors; people look for lines. */
function lineOf({ line }: { readonly line?: number | undefined }): { readonly line?: number } {
  return line === undefined ? {} : { line };
}

/** A guarded command as it was asked for. */
export interface Asked {
  readonly decision: Decision;
  readonly words: readonly string[];
  readonly options: GuardOptions;
}

/**
 * How to look closer, and how to wait. By the command itself where the locks are those of a project, which lie in a directory
 * that nobody knows by heart.
 */
export function nextStep(
  lock: PlannedLock | undefined,
  holders: readonly HolderRecord[],
  { decision: { operation }, words, options }: Asked,
): string {
  const name = lock === undefined ? undefined : nameFor(lock, operation, options);
  if (holders.some(({ copy }) => copy === true) && name !== undefined) return copyAdvice(name);
  const stuck = holders.find(isStuck);
  if (stuck !== undefined && name !== undefined) return stuckStep({ cliName: name }, stuck);
  if (name === undefined || isOfProject(operation, options)) {
    const command = `${rulesFlags(options)}-- ${words.map((word) => shellWord(printable(word))).join(' ')}`;
    return `Look: holdfast guard --explain ${command} · wait: holdfast guard --policy wait ${command}`;
  }
  return `Look: holdfast who ${name} · wait: holdfast wait ${name}`;
}

/** What other commands call the lock, with the options it takes. */
function nameFor({ target }: PlannedLock, operation: Operation, options: GuardOptions): string {
  const label = printable(labelOf(target));
  return isFile(target) ? shellWord(label) : cliNameOf(label, placeFor(operation, options));
}

function isFile(target: PlannedLock['target']): boolean {
  return 'file' in target;
}

/** The options by which the same rules are read here; none where they are found anyway. */
function rulesFlags({ rules }: GuardOptions): string {
  if (rules === undefined || areFoundHere(rules)) return '';
  return rules.map((file) => `--rules ${shellWord(printable(file))} `).join('');
}

function areFoundHere(rules: readonly string[]): boolean {
  try {
    return findRules(absolute('.')).join('\0') === rules.map((file) => absolute(file)).join('\0');
  } catch {
    return false;
  }
}

export function labelOf(target: PlannedLock['target']): string {
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
