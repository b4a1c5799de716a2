import { setTimeout as pause } from 'node:timers/promises';
import { systemCode } from '../../errors/base.ts';
import { holder, printable } from '../../errors/describe.ts';
import { BusyError, TimeoutError } from '../../errors/lock-errors.ts';
import { liveness } from '../../identity/index.ts';
import type { CurrentRun } from '../../once/current.ts';
import { onceCommand } from '../../once/hint.ts';
import type { Place } from '../../once/scope.ts';
import { isChildAlive, type StateName, stateOf } from '../../once/state.ts';
import { Store } from '../../once/store.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { CliError } from '../report.ts';
import { knownStates } from './list.ts';
import type { OnceCall } from './options.ts';
import { taskOfCall } from './task.ts';

const GRACE = 6_000; // the runner gives its command five seconds
const AFTERMATH = 2_000;
const LOOK_EVERY = 20;

/** `--stop`, `--reset`, or both. */
export async function stopOrReset(call: OnceCall): Promise<void> {
  const { id, place, store } = taskOfCall(call);
  const { flags } = call;
  const stopped = flags.stop === true ? await stop(id, place) : undefined;
  const known = stateOf(id, place).name !== 'none';
  if (flags.reset === true) await forget(id, place, store, stopped === true ? AFTERMATH : 0);
  if (flags.json === true) {
    printJson({
      id,
      ...(stopped === undefined ? {} : { stopped }),
      ...(flags.reset === true ? { reset: known } : {}),
    });
    return;
  }
  if (flags.quiet === true) return;
  const name = printable(id);
  if (stopped !== undefined) print(stopped ? `${name} was stopped` : `${name} was not running`);
  if (flags.reset === true) print(known ? `${name} is forgotten` : `${name} was never started`);
}

/** `holdfast once clean`: every one is left alone that runs, unless `--stop` says otherwise. */
export async function clean({ flags }: OnceCall): Promise<void> {
  const wanted: StateName[] = [
    ...(flags.failed === true ? (['failed'] as const) : []),
    ...(flags.dead === true ? (['dead', 'ended'] as const) : []),
  ];
  if (wanted.length === 0 && flags.all !== true) {
    throw new CliError(exitCodes.failure, 'clean needs --failed, --dead or --all');
  }
  const removed: string[] = [];
  const left: string[] = [];
  for (const { key, place, state } of knownStates(flags)) {
    if (flags.all !== true && !wanted.includes(state.name)) continue;
    if (state.name === 'running' && flags.stop !== true) {
      left.push(key);
      continue;
    }
    const stopped = state.name === 'running' && (await stop(key, place));
    await forget(key, place, new Store(place.records, key), stopped ? AFTERMATH : 0);
    removed.push(key);
  }
  if (flags.json === true) printJson({ removed, left });
  else if (flags.quiet !== true) {
    for (const key of removed) print(`${printable(key)} is forgotten`);
    for (const key of left) print(`${printable(key)} is running and was left alone; --stop ends it`);
    if (removed.length + left.length === 0) print('there was nothing to clean');
  }
  if (left.length > 0) process.exitCode = exitCodes.no;
}

/** Removes what is known of a task, unless it runs: one that was stopped gives its lock back after all else, in `due` ms. */
async function forget(id: string, place: Place, store: Store, due: number): Promise<void> {
  try {
    await place.locks.with({ name: place.lock }, { timeout: due }, () => store.forget());
  } catch (error) {
    if (!(error instanceof BusyError || error instanceof TimeoutError)) throw error;
    const by = error.holder === undefined ? 'somebody' : holder(error.holder);
    const next = `Stop it first: ${onceCommand('--reset --stop', id, place)}`;
    throw new CliError(
      exitCodes.failure,
      `${printable(id)} is being run by ${by}, so it was left alone. ${next}`,
    );
  }
}

/**
 * Ends a run with its whole process group. Its runner is asked to, which then records no result; it is made to when it
 * does not. A command whose runner is gone is ended itself. Each signal follows on a check of the process' identity.
 *
 * @throws {CliError} when it cannot be told for certain which process it is: then none is touched.
 */
async function stop(id: string, place: Place): Promise<boolean> {
  const state = stateOf(id, place);
  if (state.name !== 'running' || state.current === undefined) return false;
  const { current } = state;
  const isOver = () => {
    const now = stateOf(id, place);
    return now.name !== 'running' || now.current?.id !== current.id;
  };
  verify(id, current);
  if (liveness(current.by) === 'alive') {
    signal(current.by.pid as number, 'SIGTERM');
    if (await until(isOver, GRACE)) return true;
  }
  if (endGroup(current, 'SIGTERM') && (await until(isOver, GRACE))) return true;
  if (endGroup(current, 'SIGKILL') && (await until(isOver, AFTERMATH))) return true;
  if (liveness(current.by) === 'alive') signal(current.by.pid as number, 'SIGKILL');
  if (await until(isOver, AFTERMATH)) return true;
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
