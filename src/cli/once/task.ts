import { InputError, shown } from '../../errors/input-error.ts';
import type { CommandOptions } from '../../once/command/options.ts';
import { type RunKey, runKey } from '../../once/command/run-key.ts';
import type { Input } from '../../once/inputs.ts';
import { type OnceCall, scopeOf } from './options.ts';

/** A task with everything it is known by. */
export type Task = RunKey;

export function taskOfCall({ id, flags }: OnceCall): Task {
  return runKey(id, scopeOf(flags), flags.directory);
}

/** What a call says of the run of its command. */
export async function commandOptions({ flags }: OnceCall): Promise<CommandOptions> {
  const { ttl, failureTtl, attempts, directory, validate, grace, inputs } = flags;
  const given = { ttl, failureTtl, attempts, directory, validate, grace };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(inputs === undefined ? {} : { inputs: await inputsMatching(inputs) }),
    scope: scopeOf(flags),
  };
}

/**
 * The files that match the patterns, in an order that does not depend on the disk.
 *
 * @throws {InputError} for a pattern that matches nothing: the task would never run again for it.
 */
export async function inputsMatching(patterns: readonly string[]): Promise<Input[]> {
  const { glob } = await import('tinyglobby');
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = await glob(pattern, { dot: true, expandDirectories: true });
    if (found.length === 0) throw new InputError('--inputs', `matches no file: ${shown(pattern)}`);
    for (const file of found) files.add(file);
  }
  return [...patterns, ...[...files].sort().map((file) => ({ file }))];
}
