import { duration, forAnother, printable } from '../../errors/describe.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { lastLines, logPath } from '../../once/command/log.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import { failureIn } from '../../once/failure.ts';
import { onceCommand } from '../../once/hint.ts';
import { remaining, ttlOf } from '../../once/judgement.ts';
import type { OnceRecord } from '../../once/record.ts';
import { Date } from '../../time/time.ts';
import { CliError } from '../cli-error.ts';
import { note, tell } from '../output/text.ts';
import { report } from '../report.ts';
import type { GlobalOptions } from '../settings.ts';
import type { Task } from './task.ts';

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
    const facts = { resource: id, id, finished, took, remembered, log, stderr: tail };
    report(new CliError(exitCode, 'HOLDFAST_ONCE_FAILED', `${id} failed: ${what}`, facts), { json });
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
