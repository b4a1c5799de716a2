import { HoldfastError } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { didYouMean } from '../../errors/suggest.ts';
import { stop } from '../../once/command/stop.ts';
import { knownKeys } from '../../once/known.ts';
import { type StateName, stateOf } from '../../once/state.ts';
import { Store } from '../../once/store.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { wordsOf } from '../report.ts';
import { forget, stopAndForget, stopOptions } from './forget.ts';
import type { OnceCall } from './options.ts';
import { type Task, taskOfCall } from './task.ts';

/** `--stop`, `--reset`, or both. */
export async function stopOrReset(call: OnceCall): Promise<void> {
  const { flags } = call;
  const task = taskOfCall(call);
  const { id, place, store } = task;
  const known = stateOf(id, place, store).name !== 'none';
  const isBoth = flags.stop === true && flags.reset === true;
  const stopped = isBoth
    ? await stopAndForget(task, flags)
    : flags.stop === true
      ? await stop(task, stopOptions(flags))
      : undefined;
  if (stopped === undefined) await forget(task);
  const isMissing = stopped === false && !known && !isBoth;
  if (isMissing) process.exitCode = exitCodes.no;
  if (flags.json === true) {
    printJson({
      id,
      ...(stopped === undefined ? {} : { stopped, known }),
      ...(flags.reset === true ? { reset: known } : {}),
    });
    return;
  }
  if (flags.quiet === true) return;
  const name = printable(id);
  if (isMissing) {
    print(`no run of ${name} is known${whatIsKnown(task)} Look: holdfast once ls`);
    return;
  }
  if (stopped !== undefined) print(stopped ? `${name} was stopped` : `${name} was not running`);
  if (flags.reset === true) print(known ? `${name} is forgotten` : `${name} was never started`);
}

/** What helps where nothing is known of an ID: it is one of another project, or is spelt otherwise. */
function whatIsKnown({ id, place }: Task): string {
  const { keys } = knownKeys(place.directory ?? undefined);
  const elsewhere = keys.find(({ key }) => key === id);
  const where = elsewhere && (elsewhere.place.project ?? 'the scope of the user');
  if (where !== undefined) return ` here, but in ${printable(where)}.`;
  const hint = didYouMean(
    id,
    keys.map(({ key }) => key),
  );
  return hint === '' ? '.' : hint;
}

/** `holdfast once clean`: every one is left alone that runs, unless `--stop` says otherwise, and none for another's sake. */
export async function clean({ flags }: OnceCall): Promise<void> {
  const wanted: StateName[] = [
    ...(flags.failed === true ? (['failed'] as const) : []),
    ...(flags.dead === true ? (['dead', 'ended'] as const) : []),
  ];
  if (wanted.length === 0 && flags.all !== true) {
    throw new CliError(exitCodes.failure, 'HOLDFAST_INPUT', 'clean needs --failed, --dead or --all');
  }
  const removed: string[] = [];
  const { keys, inaccessible } = knownKeys(flags.directory);
  const left: { readonly id: string | null; readonly why: string }[] = [];
  for (const { key, place, state } of keys) {
    if (flags.all !== true && !wanted.includes(state.name)) continue;
    const task = { id: key, place, store: new Store(place.records, key, 'any') };
    const why = state.name === 'running' && flags.stop !== true ? runs(task) : await obstacleTo(task, flags);
    if (why === undefined) removed.push(key);
    else left.push({ id: key, why });
  }
  left.push(...inaccessible.map(({ message }) => ({ id: null, why: message })));
  if (flags.json === true) printJson({ removed, left });
  else if (flags.quiet !== true) {
    for (const key of removed) print(`${printable(key)} is forgotten`);
    for (const { why } of left) print(why);
    if (removed.length + left.length === 0) print('there was nothing to clean');
  }
  if (left.length > 0) process.exitCode = exitCodes.no;
}

function runs({ id }: Task): string {
  return `${printable(id)} is running and was left alone; --stop ends it`;
}

/** Forgets a task; returns why it could not be. */
async function obstacleTo(task: Task, flags: OnceCall['flags']): Promise<string | undefined> {
  try {
    await (flags.stop === true ? stopAndForget(task, flags) : forget(task));
    return undefined;
  } catch (error) {
    if (error instanceof CliError || error instanceof HoldfastError) return wordsOf(error);
    throw error;
  }
}
