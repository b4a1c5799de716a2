import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import { SIGNATURE } from './signature.ts';

/** The file a shell would run for a command's name; undefined when there is none. A name with a path is that file. */
export function findCommand(name: string): string | undefined {
  return name.includes('/') || name.includes(sep) ? name : firstOf(name, searchPath());
}

/** The command that a wrapper stands for. */
export interface Wrapped {
  readonly file: string;
  /** What the command gets in its environment, so that wrappers find each other. */
  readonly env: NodeJS.ProcessEnv;
}

const VARIABLE = 'HOLDFAST_SHIMS';

/**
 * The next file of a wrapper's name in PATH, later than the wrapper's own directory.
 *
 * It may be a wrapper itself, with other rules. Wrappers never lead back to each other, in whatever order and however
 * often their directories stand in PATH: each tells the next which directories were passed, and the command itself is
 * told nothing, so that it meets the wrappers again when it calls others, or itself, by name.
 */
export function findBehind(name: string, directory: string): Wrapped | undefined {
  const passed = [...(process.env[VARIABLE] ?? '').split(delimiter).filter(Boolean), directory].map(realPath);
  const all = searchPath();
  const later = all.slice(all.findIndex((each) => realPath(each) === realPath(directory)) + 1);
  const left = later.filter((each) => !passed.includes(realPath(each)));
  const wrappers = passed.map((each) => realPath(join(each, name)));
  const file = firstOf(name, left, (each) => !wrappers.includes(realPath(each)));
  if (file === undefined) return undefined;
  return { file, env: { [VARIABLE]: isWrapper(file) ? passed.join(delimiter) : undefined } };
}

/** Where nothing is said, the system's own default counts; an empty entry is the working directory (environ(7)). */
function searchPath(): string[] {
  const entries = (process.env.PATH ?? DEFAULT_PATH).split(delimiter);
  return delimiter === ':' ? entries.map((entry) => entry || HERE) : entries.filter((entry) => entry !== '');
}

const HERE = '.';
const DEFAULT_PATH = ['/bin', '/usr/bin'].join(delimiter);

/** With a separator, so that it means this very file. */
function fileIn(directory: string, name: string): string {
  return directory === HERE ? `./${name}` : join(directory, name);
}

function firstOf(
  name: string,
  directories: readonly string[],
  isWanted: (file: string) => boolean = () => true,
): string | undefined {
  const names = withExtensions(name);
  return directories
    .flatMap((directory) => names.map((each) => fileIn(directory, each)))
    .find((file) => isExecutable(file) && isWanted(file));
}

/** On Windows, `mirror` stands for `mirror.exe` and others, which PATHEXT lists. */
function withExtensions(name: string): string[] {
  const extensions = (process.env.PATHEXT ?? '').split(';').filter((extension) => extension !== '');
  return extensions.length === 0 ? [name] : [name, ...extensions.map((extension) => name + extension)];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

const LARGEST_WRAPPER = 64 * 1024;

function isWrapper(file: string): boolean {
  try {
    return statSync(file).size <= LARGEST_WRAPPER && readFileSync(file, 'latin1').includes(SIGNATURE);
  } catch {
    return false;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
