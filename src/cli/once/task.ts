import { InputError, shown } from '../../errors/input-error.ts';
import type { CommandOptions } from '../../once/command/options.ts';
import { type RunKey, runKey } from '../../once/command/run-key.ts';
import { type Input, openInput } from '../../once/inputs.ts';
import { stateOf } from '../../once/state.ts';
import { type OnceCall, scopeOf } from './options.ts';

/** A task with everything it is known by. */
export type Task = RunKey;

/** A call that names no command, and no scope, means what is known in the project, else what is known of the user. */
export function taskOfCall({ id, words, flags }: OnceCall): Task {
  const { directory, anyCommand } = flags;
  const scope = scopeOf(flags);
  if (words.length > 0) return runKey(id, { scope, directory, anyCommand }, words);
  const task = runKey(id, { scope, directory });
  if (scope !== 'nearest' || task.place.project === null || isKnown(task)) return task;
  const users = runKey(id, { scope: 'user', directory });
  return isKnown(users) ? users : task;
}

function isKnown({ id, place, store }: Task): boolean {
  return stateOf(id, place, store).name !== 'none';
}

/** What a call says of the run of its command. */
export async function commandOptions({ flags }: OnceCall): Promise<CommandOptions> {
  const { ttl, failureTtl, attempts, directory, validate, grace, anyCommand, inputs } = flags;
  const given = { ttl, failureTtl, attempts, directory, validate, grace, anyCommand };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(inputs === undefined ? {} : { inputs: await inputsMatching(inputs) }),
    scope: scopeOf(flags),
  };
}

/**
 * The patterns and the files that match them, in an order that depends neither on the disk nor on that of the patterns.
 *
 * @throws {InputError} for a pattern that matches nothing: the task would never run again for it; and for a match that cannot
 * be read, under the name of the option, which whoever reads it later does not know.
 */
export async function inputsMatching(patterns: readonly string[]): Promise<Input[]> {
  const { glob } = await import('tinyglobby');
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = await glob(pattern, { dot: true, expandDirectories: true });
    if (found.length === 0) throw new InputError('--inputs', `matches no file: ${shown(pattern)}`);
    for (const file of found) files.add(file);
  }
  for (const file of files) await (await openInput(file, '--inputs')).close();
  return [...[...new Set(patterns)].sort(), ...[...files].sort().map((file) => ({ file }))];
}
