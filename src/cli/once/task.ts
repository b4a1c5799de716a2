import { spawn } from 'node:child_process';
import { InputError, shown } from '../../errors/input-error.ts';
import type { Input } from '../../once/inputs.ts';
import { type Place, placeOf } from '../../once/scope.ts';
import { Store } from '../../once/store.ts';
import { type OnceCall, scopeOf } from './options.ts';
import { stopOnAbort } from './process-group.ts';

/** A task with everything it is known by. */
export interface Task {
  readonly id: string;
  readonly place: Place;
  readonly store: Store;
}

export function taskOfCall({ id, flags }: OnceCall): Task {
  const place = placeOf(id, scopeOf(flags), flags.directory);
  return { id, place, store: new Store(place.records, id) };
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

/** Whether a shell command succeeds; what it prints is of no interest. At an abort it is ended, with its whole group. */
export function succeeds(command: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const shell = spawn(command, { shell: true, stdio: 'ignore', detached: true });
    const stopping = stopOnAbort(shell, signal);
    shell.on('error', (error) => {
      stopping.over();
      reject(error);
    });
    shell.on('exit', (code) => {
      stopping.over();
      resolve(code === 0);
    });
  });
}
