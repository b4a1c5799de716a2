import { hash as digestOf } from 'node:crypto';
import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mode } from '../engine/engine.ts';
import { systemCode } from '../errors/base.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { LONGEST_LOCK_NAME } from '../storage/file-name.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { absolute } from '../storage/working-directory.ts';
import { type CliPlace, cliNameOf, cliNameOfFile, looksLikeFile } from './cli-name.ts';

/**
 * What is protected. A string or `{ name }` is a name, kept in the manager's directory: `{ name }` takes any string that
 * is not empty, a string by itself none that could be meant as a path. `{ file }` is a data file (or directory), by its
 * path or `file:` URL, whose lock lies beside it; the file need not exist. A string is a URL if it begins with `file:/`, in
 * whatever case; `file:x` and `./file:/x` are paths.
 */
export type Target = string | { readonly name: string } | { readonly file: string | URL };

/** A target of `acquireAll`, which may say for each in which mode it is wanted. */
export type TargetWithMode = Target | (Exclude<Target, string> & { readonly mode?: Mode | undefined });

/** A target with its lock file. */
export interface Resource {
  /** As the caller wrote it. */
  readonly label: string;
  /** The lock file. */
  readonly path: string;
  /** The data file, for a lock beside one. */
  readonly beside?: string;
  /** The topmost directory above the data file that did not exist when it was resolved. */
  readonly missing?: string;
  /** How the command line names it, quoted for a shell, with the options by which it is found. */
  readonly cliName: string;
}

const SLUG_LENGTH = 40;
const HASH_LENGTH = 20;
const MOST_LINKS = 40;

/** @throws {InputError} for anything but a non-empty name or path. */
export function targetOf(target: unknown): { readonly name: string } | { readonly file: string } {
  if (typeof target === 'string') return { name: unmistakable(checkedName(target)) };
  const { name, file } = (target ?? {}) as { name?: unknown; file?: unknown };
  if (typeof name === 'string' && file === undefined) return { name: checkedName(name) };
  if (isUrl(file) && name === undefined) return { file: checkedPath(pathOfUrl(file)) };
  if (typeof file === 'string' && name === undefined) return { file: checkedPath(file) };
  if (typeof target === 'object' && target !== null && 'file' in target && name === undefined) {
    throw new InputError('lock path', `must be a path or a file: URL, got ${shown(file)}`);
  }
  throw new InputError('lock name', `must be a string, { name } or { file }, got ${shown(target)}`);
}

/** A target of several, and the mode that it says; that it is a target at all is left to `targetOf`. */
export function partsOf(wanted: TargetWithMode): readonly [target: Target, mode: Mode | undefined] {
  if (typeof wanted !== 'object' || wanted === null || !('mode' in wanted)) return [wanted, undefined];
  const { mode, ...target } = wanted;
  return [target, mode];
}

/** Passed over in silence, `{ name, mode: 'shared' }` would be an exclusive lock. @throws {InputError} */
export function refuseMode(target: unknown): void {
  const { mode } = (target ?? {}) as { mode?: unknown };
  if (mode === undefined) return;
  throw new InputError(
    'mode',
    'is an option, not part of what is locked: pass it as acquire(target, { mode })',
  );
}

function checkedName(name: string): string {
  if (name === '') throw new InputError('lock name', 'must not be empty');
  return name;
}

/** The command line takes a word with a path separator for a file, and there must be no doubt who excludes whom. */
function unmistakable(name: string): string {
  if (!looksLikeFile(name)) return name;
  throw new InputError(
    'lock name',
    `could be meant as a path, got ${shown(name)}: pass { file } for the lock of that file, or { name } for one of that name`,
  );
}

/** Whether a file is given by a URL, which as a string, such as `import.meta.url`, need not have three slashes. */
export function isUrl(file: unknown): file is string | URL {
  return file instanceof URL || (typeof file === 'string' && /^file:\//i.test(file));
}

function pathOfUrl(url: string | URL): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw new InputError(
      'lock path',
      `must be a path or a file: URL of this machine, got ${shown(String(url))}`,
    );
  }
}

function checkedPath(path: string): string {
  if (path === '') throw new InputError('lock path', 'must not be empty');
  if (path.includes('\0'))
    throw new InputError('lock path', `must not contain a NUL character, got ${shown(path)}`);
  return path;
}

/**
 * The lock of a name: `<slug>~<hash>.lock` in `directory`. The slug is for people; the hash, 80 bits of SHA-256 over the
 * name's UTF-16 code units, tells names apart, so every string is a name of its own, lone surrogates included.
 */
export function nameResource(name: string, directory: string, place?: CliPlace): Resource {
  const path = join(directory, `${fileNameOf(name)}.lock`);
  return { label: name, path, cliName: cliNameOf(name, place) };
}

/** A file name for any string, which no other string has. `readable`: what people see of it, where that is not its beginning. */
export function fileNameOf(name: string, readable = name): string {
  return `${slug(readable)}~${hash(name)}`;
}

/**
 * The lock of a data file: `.<name>.lock` beside it, after links in the path were followed, so that every way to the
 * file leads to one lock. A name too long for that gets `.<slug>~<hash>.lock`.
 *
 * One resource: relative and absolute paths, `..`, symbolic links to the file or above it; on a case-insensitive file
 * system also other spellings of a file that exists. Two resources: hard links, which are two names for one content,
 * and a file that is mounted by itself on another path. The inode does not decide, for a save that replaces the file
 * changes it.
 *
 * @throws {InputError} that names `input`: for a root directory, which has nothing beside it, and for links that lead in
 * a circle.
 */
export function fileResource(file: string, input = 'lock path'): Resource {
  const { path: data, missing } = canonical(absolute(file, input), input);
  const name = basename(data);
  if (name === '') throw new InputError(input, `must not be a root directory, got ${shown(file)}`);
  const plain = `.${name}.lock`;
  const fits = Buffer.byteLength(plain) <= LONGEST_LOCK_NAME;
  const path = join(dirname(data), fits ? plain : `.${slug(name)}~${hash(name)}.lock`);
  const resource = { label: file, path, beside: data, cliName: cliNameOfFile(file) };
  return missing === undefined || missing === data ? resource : { ...resource, missing };
}

/** The lock a data file gets in a fallback directory. */
export function fallbackResource(resource: Resource, directory: string): Resource {
  const { beside, ...rest } = resource;
  if (beside === undefined) {
    const cliName = cliNameOf(resource.label, { directory });
    return { ...resource, path: join(directory, basename(resource.path)), cliName };
  }
  return { ...rest, path: join(directory, `${slug(basename(beside))}~${hash(beside)}.lock`) };
}

/** The real path of a file, and the topmost part of it that does not exist yet. */
interface RealPath {
  readonly path: string;
  readonly missing?: string;
}

/** The real path of a directory, which may not exist yet. A link to nowhere stays one, so that nothing is made behind it. */
export function realPathOf(directory: string, input = 'directory'): string {
  const isDangling = lstatOrNothing(directory)?.isSymbolicLink() === true && !existsSync(directory);
  return isDangling ? directory : canonical(directory, input).path;
}

/** The real path of a file, of which the last part, or more, may not exist yet. */
function canonical(path: string, input: string, links = 0): RealPath {
  try {
    return { path: realpathSync.native(path) };
  } catch (error) {
    if (systemCode(error) === 'ELOOP' || links > MOST_LINKS) {
      throw new InputError(input, `leads through too many symbolic links, got ${shown(path)}`);
    }
    const parent = dirname(path);
    if (parent === path) return { path };
    // A link to a file that is still to be made counts as that file.
    const target = danglingTarget(path);
    if (target !== undefined) {
      return canonical(resolve(canonical(parent, input, links + 1).path, target), input, links + 1);
    }
    const above = canonical(parent, input, links);
    const real = join(above.path, basename(path));
    return systemCode(error) === 'ENOENT' ? { path: real, missing: above.missing ?? real } : { path: real };
  }
}

function danglingTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function slug(name: string): string {
  const readable = name.slice(0, SLUG_LENGTH).replace(/[^A-Za-z0-9._-]/g, '-');
  return readable.startsWith('.') ? `-${readable.slice(1)}` : readable;
}

function hash(name: string): string {
  return digestOf('sha256', Buffer.from(name, 'utf16le'), 'hex').slice(0, HASH_LENGTH);
}
