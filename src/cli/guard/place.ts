import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Operation } from '../../rules/rules.ts';
import { stateHome } from '../../storage/home.ts';
import { projectAround } from '../../storage/project.ts';
import { absolute } from '../../storage/working-directory.ts';
import type { GlobalOptions } from '../settings.ts';

/**
 * Where the locks of an operation lie: where the command line says, else where its scope does.
 *
 * @throws {InputError} its scope is the project, and there is none around the working directory.
 */
export function placeFor(operation: Operation, options: GlobalOptions): GlobalOptions {
  if (options.directory !== undefined) return { directory: options.directory };
  if (options.system === true || operation.settings.scope === 'system') return { system: true };
  return isOfProject(operation, options)
    ? { directory: projectLocks(operation.project ?? projectAround(absolute('.'))) }
    : {};
}

/** Whether its locks are those of its project. */
export function isOfProject({ settings }: Operation, { directory, system }: GlobalOptions): boolean {
  return settings.scope === 'project' && directory === undefined && system !== true;
}

/** Apart from other projects, also those of the same name; the same by whatever path the project is reached. */
function projectLocks(project: string): string {
  const real = realpathSync(project);
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 12);
  const name = basename(real).replace(/[^A-Za-z0-9._-]/g, '-') || 'root';
  return join(stateHome(), 'projects', `${name}~${hash}`, 'locks');
}
