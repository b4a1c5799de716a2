import { outlivesLeader } from '../../command/signals/group-members.ts';
import { DEFAULT_GRACE } from '../../command/signals/process-group.ts';
import { send } from '../../command/signals/send.ts';
import { systemCode } from '../../errors/base.ts';
import { holder, printable } from '../../errors/describe.ts';
import { NotStoppedError } from '../../errors/once-errors.ts';
import { liveness } from '../../identity/index.ts';
import { pause, performance } from '../../time/time.ts';
import type { CurrentRun } from '../current.ts';
import { isChildAlive, stateOf } from '../state.ts';
import { recordStop, withdrawStop } from '../stop.ts';
import type { RunKey } from './run-key.ts';

/** Milliseconds that a runner has beside the grace period of its command, to end the rest and to say so. */
const AFTERMATH = 4_000;
const LOOK_EVERY = 20;

export interface StopOptions {
  /** What a program runs as a function has no process of its own: `programs` ends the whole program. Default: `commands`. */
  readonly ends?: 'commands' | 'programs' | undefined;
  /** Milliseconds until what is left is killed. Default: as the run was started with. */
  readonly grace?: number | undefined;
}

/**
 * Ends the run of a key, and all waiting for it; false when it does not run. What a program runs as a function has no
 * process of its own: it is ended only with the whole program.
 *
 * @throws {NotStoppedError} when it cannot be told for certain which process it is, or more would end than the run: then
 * nothing is touched.
 */
export async function stop(key: RunKey, { ends = 'commands', grace }: StopOptions = {}): Promise<boolean> {
  const { id, place, store } = key;
  const state = stateOf(id, place, store);
  if (state.name !== 'running' || state.current === undefined) return false;
  const { current } = state;
  verify(id, current);
  if (current.task === undefined && ends === 'commands') throw isWholeProgram(id, current);
  recordStop(store, current, grace);
  try {
    await end(key, current, grace ?? graceOf(current));
  } catch (error) {
    withdrawStop(store, current);
    throw error;
  }
  return true;
}

/**
 * Ends a run with its whole process group. Its runner is asked to, which then records no result; it is made to when it
 * does not. A command whose runner is gone is ended itself, and those of its group that outlive it. Each signal follows on
 * a check of the process' identity.
 */
async function end({ id, place, store }: RunKey, current: CurrentRun, grace: number): Promise<void> {
  const isGroupLeft = groupOf(current);
  const isOver = () => {
    const now = stateOf(id, place, store);
    return (now.name !== 'running' || now.current?.id !== current.id) && !isGroupLeft();
  };
  if (liveness(current.by) === 'alive') {
    signal(id, current.by.pid as number, 'SIGTERM', 'process');
    if (await until(isOver, grace + AFTERMATH)) return;
  }
  const leader = current.task?.child?.pid ?? 0;
  const endGroup = (name: NodeJS.Signals) => isGroupLeft() && signal(id, leader, name, 'group');
  if (endGroup('SIGTERM') && (await until(isOver, grace))) return;
  if (endGroup('SIGKILL') && (await until(isOver, AFTERMATH))) return;
  if (liveness(current.by) === 'alive') signal(id, current.by.pid as number, 'SIGKILL', 'process');
  if (await until(isOver, AFTERMATH)) return;
  throw new NotStoppedError(
    id,
    'outlived',
    `${printable(id)} could not be stopped. Look: ps -g ${leader === 0 ? '' : leader}`,
  );
}

function graceOf({ task }: CurrentRun): number {
  const { grace = DEFAULT_GRACE } = task ?? {};
  return grace ?? Number.POSITIVE_INFINITY;
}

/** Tells whether the command of a run, or any of its group after it, still lives; never so if it was gone before this. */
function groupOf({ by, task }: CurrentRun): () => boolean {
  const child = task?.child;
  if (child === undefined || !isChildAlive(by, child)) return () => false;
  return () => isChildAlive(by, child) || outlivesLeader(child.pid);
}

function verify(id: string, { by, task }: CurrentRun): void {
  if (liveness(by) === 'alive' || isChildAlive(by, task?.child)) return;
  throw new NotStoppedError(
    id,
    'unverified',
    `${printable(id)} is left alone: it cannot be verified that ${holder(by)} is the process that runs it`,
  );
}

function isWholeProgram(id: string, { by }: CurrentRun): NotStoppedError {
  const what = `${printable(id)} is part of a program, ${holder(by)}, and was left alone`;
  return new NotStoppedError(
    id,
    'program',
    `${what}: to stop it is to end that program, with all else it does. --yes ends it`,
  );
}

function signal(id: string, pid: number, name: NodeJS.Signals, to: 'process' | 'group'): true {
  try {
    send(pid, name, to);
    return true;
  } catch (error) {
    throw new NotStoppedError(
      id,
      'forbidden',
      `process ${pid} cannot be ended: ${systemCode(error)}. Its user or root may`,
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
