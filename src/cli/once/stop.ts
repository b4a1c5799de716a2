import { setTimeout as pause } from 'node:timers/promises';
import { systemCode } from '../../errors/base.ts';
import { holder, printable } from '../../errors/describe.ts';
import { liveness } from '../../identity/index.ts';
import type { CurrentRun } from '../../once/current.ts';
import { isChildAlive, stateOf } from '../../once/state.ts';
import { recordStop, withdrawStop } from '../../once/stop.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import type { OnceFlags } from './options.ts';
import type { Task } from './task.ts';

const GRACE = 6_000; // the runner gives its command five seconds
const AFTERMATH = 2_000;
const LOOK_EVERY = 20;

/**
 * Ends the run of a task, and all waiting for it; false when it does not run. What a program runs with the library has no
 * process of its own: only `--yes` ends the whole program.
 *
 * @throws {CliError} when it cannot be told for certain which process it is, or more would end than the run: then
 * nothing is touched.
 */
export async function stop(task: Task, { yes }: Pick<OnceFlags, 'yes'>): Promise<boolean> {
  const { id, place, store } = task;
  const state = stateOf(id, place);
  if (state.name !== 'running' || state.current === undefined) return false;
  const { current } = state;
  verify(id, current);
  if (current.task === undefined && yes !== true) throw isWholeProgram(id, current);
  recordStop(store, current);
  try {
    await end(task, current);
  } catch (error) {
    withdrawStop(store, current);
    throw error;
  }
  return true;
}

/**
 * Ends a run with its whole process group. Its runner is asked to, which then records no result; it is made to when it
 * does not. A command whose runner is gone is ended itself. Each signal follows on a check of the process' identity.
 */
async function end({ id, place }: Task, current: CurrentRun): Promise<void> {
  const isOver = () => {
    const now = stateOf(id, place);
    return now.name !== 'running' || now.current?.id !== current.id;
  };
  if (liveness(current.by) === 'alive') {
    signal(current.by.pid as number, 'SIGTERM');
    if (await until(isOver, GRACE)) return;
  }
  if (endGroup(current, 'SIGTERM') && (await until(isOver, GRACE))) return;
  if (endGroup(current, 'SIGKILL') && (await until(isOver, AFTERMATH))) return;
  if (liveness(current.by) === 'alive') signal(current.by.pid as number, 'SIGKILL');
  if (await until(isOver, AFTERMATH)) return;
  throw new CliError(
    exitCodes.no,
    `${printable(id)} could not be stopped. Look: ps -g ${current.task?.child?.pid ?? ''}`,
  );
}

function verify(id: string, { by, task }: CurrentRun): void {
  if (liveness(by) === 'alive' || isChildAlive(by, task?.child)) return;
  throw new CliError(
    exitCodes.failure,
    `${printable(id)} is left alone: it cannot be verified that ${holder(by)} is the process that runs it`,
  );
}

function isWholeProgram(id: string, { by }: CurrentRun): CliError {
  const what = `${printable(id)} is part of a program, ${holder(by)}, and was left alone`;
  return new CliError(
    exitCodes.failure,
    `${what}: to stop it is to end that program, with all else it does. --yes ends it`,
  );
}

/** Signals the group that the command leads; false when the leader is not the process that was started. */
function endGroup({ by, task }: CurrentRun, name: NodeJS.Signals): boolean {
  if (task?.child === undefined || !isChildAlive(by, task.child)) return false;
  signal(-task.child.pid, name);
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return;
    throw new CliError(
      exitCodes.failure,
      `process ${Math.abs(pid)} cannot be ended: ${systemCode(error)}. Its user or root may`,
    );
  }
}

async function until(isSo: () => boolean, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > deadline) return false;
    await pause(LOOK_EVERY);
  }
  return true;
}
