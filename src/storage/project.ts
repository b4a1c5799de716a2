import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError, shown } from '../errors/input-error.ts';

/** What marks the topmost directory of a project. */
const PROJECT_MARKS = ['holdfast.yaml', '.git', 'package.json'];

/**
 * The directory of the project that a directory belongs to, by its real path.
 *
 * @throws {InputError} it belongs to none.
 */
export function projectAround(start: string): string {
  const project = nearestProject(start);
  if (project !== undefined) return project;
  throw new InputError(
    'scope',
    `is "project", but neither ${shown(start)} nor a directory above has a ${PROJECT_MARKS.join(', a ')}`,
  );
}

/** The same; undefined where it belongs to none. */
export function nearestProject(start: string): string | undefined {
  for (let at = start; ; at = dirname(at)) {
    if (PROJECT_MARKS.some((mark) => existsSync(join(at, mark)))) return realProject(at);
    if (at === dirname(at)) return undefined;
  }
}

/** The real path of a project's directory. @throws {InputError} there is none. */
export function realProject(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    throw new InputError('scope', `names a project directory that does not exist: ${shown(path)}`);
  }
}
