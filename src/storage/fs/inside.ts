import { closeSync, constants, openSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { O_NOFOLLOW } from './open-flags.ts';
import { O_PATH, pathOfDescriptor } from './pinned.ts';
import { lstatOrNothing } from './stat.ts';

const { O_DIRECTORY = 0 } = constants;

/**
 * Runs a body with a path that leads to what lies at a path below a directory. On Linux, it leads nowhere else, whatever
 * others put in the place of a directory on the way meanwhile: each is opened in the one above, and is no link.
 *
 * @throws the system's error: `ENOTDIR` for a link on the way.
 */
export function inside<T>(root: string, path: string, body: (path: string) => T): T {
  return below(root, relative(root, path).split(sep), body);
}

function below<T>(directory: string, [name = '', ...rest]: readonly string[], body: (path: string) => T): T {
  const path = join(directory, name);
  return rest.length === 0 ? body(path) : within(path, (inner) => below(inner, rest, body));
}

/** Runs a body with a path that leads to this very directory. @throws the system's error: `ENOTDIR` for a link. */
export function within<T>(path: string, body: (directory: string) => T): T {
  if (pathOfDescriptor(0) === undefined) {
    if (lstatOrNothing(path)?.isDirectory() === false) {
      throw Object.assign(new Error(`${path} is no directory`), { code: 'ENOTDIR', path });
    }
    return body(path); // no way to hold on to it
  }
  const fd = openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const inner = pathOfDescriptor(fd) ?? path;
  try {
    return body(inner);
  } catch (error) {
    throw renamed(error, inner, path);
  } finally {
    closeSync(fd);
  }
}

/** The system's error with the path that people know. */
function renamed(error: unknown, inner: string, path: string): unknown {
  const { path: at, message } = error as Partial<NodeJS.ErrnoException>;
  if (at === undefined || message === undefined || !(at === inner || at.startsWith(`${inner}${sep}`)))
    return error;
  const outer = path + at.slice(inner.length);
  return Object.assign(error as Error, { path: outer, message: message.replace(at, () => outer) });
}
