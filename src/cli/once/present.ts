import { duration, forAnother, printable } from '../../errors/describe.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { type Gap, lastLines, logPath } from '../../once/command/log.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import { unrecordedFailure } from '../../once/command/unrecorded.ts';
import { failureIn } from '../../once/failure.ts';
import { onceCommand } from '../../once/hint.ts';
import { remaining, ttlOf } from '../../once/judgement.ts';
import type { OnceRecord } from '../../once/record.ts';
import { Date } from '../../time/time.ts';
import { exitCodes } from '../exit-codes.ts';
import { errorJson } from '../output/json.ts';
import { note, tell } from '../output/text.ts';
import { CliError } from '../report.ts';
import type { GlobalOptions } from '../settings.ts';
import type { Task } from './task.ts';

function writeJson(event: object): void {
  tell(JSON.stringify(event));
}

/** Says what is missing in an output that was printed: never silently, for whoever goes on with it takes it for all. */
export function tellGaps(id: string, gaps: readonly Gap[], { json }: GlobalOptions): void {
  for (const { stream, dropped, why } of gaps) {
    if (json === true) writeJson({ event: 'gap', id, stream, dropped, why });
    else note(`${printable(id)}: ${dropped} bytes of its ${stream} are missing: ${why}`);
  }
}

/** For `--complete`. @throws {CliError} when something is missing. */
export function refuseGaps(id: string, gaps: readonly Gap[]): void {
  if (gaps.length === 0) return;
  const what = gaps.map(
    ({ stream, dropped, why }) => `${dropped} bytes of its ${stream} are missing: ${why}`,
  );
  throw new CliError(
    exitCodes.failure,
    `the output of ${printable(id)} is not complete; ${what.join('; ')}`,
    { gaps },
  );
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
    tell(errorJson(new CliError(exitCode, `${id} failed: ${what}`, facts), exitCode));
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
  for (const line of tail) tell(`  ${line}`);
  const next =
    left > 0
      ? `the failure counts ${forAnother(left)}; forget it: ${onceCommand('--reset', id, place)}`
      : 'the next start runs it again';
  note(`its log: ${printable(log)} · ${next}`);
}

/** That a failure is its own caller's alone. */
export function tellUnrecorded(id: string, why: string, { json }: GlobalOptions): void {
  if (json === true) writeJson({ event: 'unrecorded', id, why });
  else note(unrecordedFailure(id, why));
}
