import { closeSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { duration, printable } from '../../errors/describe.ts';
import { failureIn } from '../../once/failure.ts';
import { onceCommand } from '../../once/hint.ts';
import { remaining, ttlOf } from '../../once/judgement.ts';
import type { OnceRecord } from '../../once/record.ts';
import type { Store } from '../../once/store.ts';
import { openOwnFile, readOwnFile } from '../../storage/own-file.ts';
import { exitCodes } from '../exit-codes.ts';
import { errorJson } from '../output/json.ts';
import { note, write } from '../output/text.ts';
import { CliError } from '../report.ts';
import type { GlobalOptions } from '../settings.ts';
import { type CommandOutcome, commandOutcomeIn } from './outcome.ts';
import type { Task } from './task.ts';

const TAIL_LINES = 10;
const CHUNK = 65_536;

/** The exit code a record stands for; a program's own success or failure counts as 0 or 1. */
export function exitCodeIn(record: OnceRecord): number {
  return commandOutcomeIn(record)?.exitCode ?? (record.header.kind === 'failure' ? 1 : exitCodes.success);
}

/** Prints again what the command of a success printed. What a program returned is printed as it is recorded. */
export function replay(store: Store, record: OnceRecord): void {
  const outcome = commandOutcomeIn(record);
  if (outcome === undefined) {
    write(1, record.body);
    return;
  }
  printLog(store, record, 'stdout');
  printLog(store, record, 'stderr');
}

/** Prints one log of a run, from as far back as it is kept. */
export function printLog(store: Store, record: { readonly header: Run }, stream: 'stdout' | 'stderr'): void {
  const path = logPath(store, record.header, stream);
  // Both are opened before the first is read, so that a run that follows cannot take the second away.
  const files = [openOwnFile(`${path}.1`), openOwnFile(path)].filter((fd) => fd !== undefined);
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (const fd of files) {
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
      write(stream === 'stdout' ? 1 : 2, buffer.subarray(0, count));
    }
    closeSync(fd);
  }
}

export interface Run {
  readonly run: number;
  readonly id: string;
}

export function logPath(store: Store, run: Run, stream: 'stdout' | 'stderr'): string {
  return join(store.runDirectory(run), stream);
}

function writeJson(event: object): void {
  write(2, `${JSON.stringify(event)}\n`);
}

/** Says what is missing in a log that was printed. */
export function tellGaps(id: string, { stdout, stderr }: CommandOutcome, { json }: GlobalOptions): void {
  for (const [name, { dropped, problem }] of Object.entries({ stdout, stderr })) {
    const why = problem === undefined ? 'only the end of a long output is kept' : problem;
    if (dropped === 0) continue;
    if (json === true) writeJson({ event: 'gap', id, stream: name, dropped, why });
    else note(`${printable(id)}: ${dropped} bytes of its ${name} are missing: ${why}`);
  }
}

/** Says that a run failed, when, with which last words, and where all of them are. */
export function tellFailure(
  { id, place, store }: Task,
  record: OnceRecord,
  words: 'with stderr' | 'alone',
  { json }: GlobalOptions,
): void {
  const { finished, took } = record.header;
  const ago = duration(Math.max(0, Date.now() - Date.parse(finished)));
  const outcome = commandOutcomeIn(record);
  const { name, message } = failureIn(record);
  const what = outcome === undefined ? `${name}: ${message}` : message;
  if (json === true) {
    const log = outcome === undefined ? undefined : logPath(store, record.header, 'stderr');
    const tail = log === undefined || words === 'alone' ? undefined : lastLines(log);
    const remembered = Math.max(0, remaining(record, ttlOf(record)));
    const exitCode = exitCodeIn(record);
    const facts = { id, finished, took, remembered, log, stderr: tail };
    write(2, `${errorJson(new CliError(exitCode, `${id} failed: ${what}`, facts), exitCode)}\n`);
    return;
  }
  if (outcome === undefined) {
    note(`${printable(id)} failed ${ago} ago: ${printable(what)}`);
    return;
  }
  const log = logPath(store, record.header, 'stderr');
  const left = remaining(record, ttlOf(record));
  const tail = words === 'alone' ? [] : lastLines(log);
  const how = what.startsWith('exit code') ? ' with' : ':';
  const end = `failed${how} ${printable(what)}, after ${duration(took)}`;
  note(
    `${printable(id)} ${end}${words === 'alone' ? '' : `, ${ago} ago`}${tail.length === 0 ? '' : '; the end of its stderr:'}`,
  );
  for (const line of tail) write(2, `  ${line}\n`);
  const next =
    left > 0
      ? `the failure counts for another ${duration(left)}; forget it: ${onceCommand('--reset', id, place)}`
      : 'the next start runs it again';
  note(`its log: ${printable(log)} · ${next}`);
}

/** That a failure is its own caller's alone. */
export function tellUnrecorded(id: string, why: string, { json }: GlobalOptions): void {
  if (json === true) writeJson({ event: 'unrecorded', id, why });
  else note(unrecordedFailure(id, why));
}

/** The same in words. */
export function unrecordedFailure(id: string, why: string): string {
  return `${printable(id)}: that it failed could not be recorded, so those who wait for it run it again: ${why}`;
}

/** The end of a log as text; what is none is shown, not sent to the terminal. */
function lastLines(path: string): string[] {
  const bytes = readOwnFile(path) ?? Buffer.alloc(0);
  const text = bytes.subarray(Math.max(0, bytes.length - CHUNK)).toString();
  return text.split('\n').filter(Boolean).slice(-TAIL_LINES).map(printable);
}
