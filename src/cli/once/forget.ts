import { holder, printable } from '../../errors/describe.ts';
import { BusyError, TimeoutError } from '../../errors/lock-errors.ts';
import { type StopOptions, stop } from '../../once/command/stop.ts';
import { onceCommand } from '../../once/hint.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { OnceFlags } from './options.ts';
import type { Task } from './task.ts';

/** How long those who waited for a run that was stopped may take to leave. Milliseconds. */
const LEAVING = 2_000;
const MOST_STOPS = 3;

/** How a call wants a run stopped: `--yes` stands for whole programs. */
export function stopOptions({ yes, grace }: Pick<OnceFlags, 'yes' | 'grace'>): StopOptions {
  return { ends: yes === true ? 'programs' : 'commands', grace };
}

/** Removes what is known of a task. @throws {CliError} when it runs: then nothing is touched. */
export async function forget(task: Task): Promise<void> {
  const by = await removeWithin(0, task);
  if (by === undefined) return;
  const next = `Stop it first: ${onceCommand('--reset --stop', task.id, task.place)}`;
  throw new CliError(
    exitCodes.failure,
    'HOLDFAST_LEFT_ALONE',
    `${printable(task.id)} is being run by ${by}, so it was left alone. ${next}`,
    { resource: task.id },
  );
}

/**
 * Ends a task's run and removes what is known of it; whether it ran. A run that somebody starts before the lock is to be
 * had is ended too.
 */
export async function stopAndForget(task: Task, flags: Pick<OnceFlags, 'yes' | 'grace'>): Promise<boolean> {
  let by: string | undefined;
  let wasRunning = false;
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    wasRunning = (await stop(task, stopOptions(flags))) || wasRunning;
    by = await removeWithin(LEAVING, task);
    if (by === undefined) return wasRunning;
  }
  throw new CliError(
    exitCodes.failure,
    'HOLDFAST_NOT_STOPPED',
    `${printable(task.id)} was stopped, and started again each time, now by ${by}. End what starts it, then try again`,
    { resource: task.id },
  );
}

/** Who has the lock, if it is not granted within `ms` milliseconds. */
async function removeWithin(ms: number, { place, store }: Task): Promise<string | undefined> {
  const isUnknown = lstatOrNothing(store.directory) === undefined;
  if (isUnknown && place.locks.inspect({ name: place.lock }).state === 'free') return undefined; // leaves no lock file
  try {
    await place.locks.with({ name: place.lock }, { timeout: ms }, () => store.forget());
    return undefined;
  } catch (error) {
    if (!(error instanceof BusyError || error instanceof TimeoutError)) throw error;
    return error.holder === undefined ? 'somebody' : holder(error.holder);
  }
}
