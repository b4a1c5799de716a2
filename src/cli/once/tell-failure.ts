import { duration, forAnother, printable } from '../../errors/describe.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { lastLines, logPath } from '../../once/command/log.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import type { Performed } from '../../once/command/perform.ts';
import { failureIn } from '../../once/failure.ts';
import { onceCommand } from '../../once/hint.ts';
import { remaining, ttlOf } from '../../once/judgement.ts';
import { Date } from '../../time/time.ts';
import { CliError } from '../cli-error.ts';
import { note, tell } from '../output/text.ts';
import { report } from '../report.ts';
import type { OnceFlags } from './options.ts';
import type { Task } from './task.ts';

/**
 * Says that a run failed, when, with which last words, where all of them are, and for how long that answers for a run:
 * for a call that says so itself, as it says.
 */
export function tellFailure(
  { id, place, store }: Task,
  { record, unrecorded }: Pick<Performed, 'record' | 'unrecorded'>,
  words: 'with stderr' | 'alone',
  { json, failureTtl }: OnceFlags,
): void {
  const { finished, took } = record.header;
  const ago = duration(Math.max(0, Date.now() - Date.parse(finished)));
  const outcome = commandOutcomeIn(record);
  const { name, message } = failureIn(record);
  const what = outcome === undefined ? `${name}: ${message}` : message;
  const left = unrecorded === undefined ? remaining(record, failureTtl ?? ttlOf(record)) : 0;
  if (json === true) {
    const log = outcome === undefined ? undefined : logPath(store, record.header, 'stderr');
    const tail = log === undefined || words === 'alone' ? undefined : lastLines(log);
    const exitCode = exitCodeIn(record);
    const facts = { resource: id, id, finished, took, remembered: left, log, stderr: tail };
    report(new CliError(exitCode, 'HOLDFAST_ONCE_FAILED', `${id} failed: ${what}`, facts), { json });
    return;
  }
  if (outcome === undefined) {
    note(`${printable(id)} failed ${ago} ago: ${printable(what)}`);
    return;
  }
  const log = logPath(store, record.header, 'stderr');
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
