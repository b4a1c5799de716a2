import { closeInherited } from '../../command/descriptors.ts';
import { limits } from '../../command/limits/index.ts';
import { exitCodeOfSignal } from '../../command/signals/exit-code.ts';
import { Interruption } from '../../command/signals/interruption.ts';
import { HoldfastError } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { NoResultError } from '../../errors/once-errors.ts';
import { onLockEvent } from '../../events/channel.ts';
import { actFor } from '../../identity/self.ts';
import { trace } from '../../trace/trace.ts';
import { failureIn } from '../failure.ts';
import { type News, PLAN_AND_NEWS, readPlan, tell } from './news.ts';
import { type Performed, perform } from './perform.ts';
import { runKey } from './run-key.ts';
import { unrecordedFailure } from './unrecorded.ts';

/*
 * The program of the process in the background: runs a command, or waits for whoever runs it, and says how it goes. Its
 * arguments are the words of the command.
 */

closeInherited(PLAN_AND_NEWS); // least of all a lock of its starter
const interruption = new Interruption();
try {
  const words = process.argv.slice(2) as [string, ...string[]];
  const { id, descriptorLimit, ...options } = readPlan();
  limits.adoptDescriptorLimit(descriptorLimit);
  const key = runKey(id, options, words);
  const path = key.place.locks.pathOf({ name: key.place.lock });
  actFor(words.join(' '));
  trace?.(path, `process ${process.pid} sees to ${id} in the background`);
  onLockEvent('waiting', (event) => {
    if (event.path === path) tell({ event: 'waiting' });
  });
  const onRun = () => tell({ event: 'running' });
  const performed = await perform(key, { ...options, words }, { input: 'none', interruption, onRun });
  tell(newsOf(id, performed));
  process.exit(performed.exitCode);
} catch (error) {
  tell(trouble(error));
  process.exit(1);
}

/** What is not on record cannot be looked up by the one that started this process. */
function newsOf(id: string, { record, exitCode, unrecorded }: Performed): News {
  if (unrecorded === undefined) return { event: 'end', exitCode, run: record.header.id };
  const how = failureIn(record).message;
  const message = `${printable(id)} failed: ${printable(how)}. ${unrecordedFailure(id, unrecorded)}`;
  return { event: 'error', exitCode, message };
}

function trouble(error: unknown): News {
  const message = error instanceof Error ? error.message : String(error);
  return {
    event: 'error',
    message,
    ...(error instanceof HoldfastError ? { reason: error.code } : {}),
    ...(error instanceof NoResultError ? endingOf(error) : {}),
  };
}

function endingOf({ signal, exitCode }: NoResultError): { exitCode?: number; signal?: NodeJS.Signals } {
  if (signal !== undefined) return { signal, exitCode: exitCodeOfSignal(signal) };
  return exitCode === undefined ? {} : { exitCode };
}
