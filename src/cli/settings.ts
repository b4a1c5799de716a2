import { join } from 'node:path';
import { isatty } from 'node:tty';
import { printable, shellWord } from '../errors/describe.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { type LockEvents, onLockEvent } from '../events/channel.ts';
import { cliNameOf, cliNameOfFile, looksLikeFile } from '../lock/cli-name.ts';
import { LockManager } from '../lock/manager.ts';
import type { ManagerOptions } from '../lock/options.ts';
import type { Target } from '../lock/resource.ts';
import { statOrNothing } from '../storage/fs/stat.ts';
import { stateHome } from '../storage/home.ts';
import { tellJson } from './output/json.ts';
import { note } from './output/text.ts';

/** The options every command takes. */
export interface GlobalOptions {
  readonly directory?: string;
  readonly system?: true;
  readonly json?: true;
}

/** The audit log of this user, whichever locks it is about. */
export function auditPath(): string {
  return join(stateHome(), 'audit.jsonl');
}

/** A manager whose locks lie where the options say; for looking only. */
export function openManager(options: GlobalOptions): LockManager {
  return new LockManager(placeOf(options));
}

/** The same, with what it does appended to the audit log unless `HOLDFAST_AUDIT=off`. */
export function openAuditedManager(options: GlobalOptions): LockManager {
  const place = placeOf(options);
  const path = auditIsOn() ? pathOrWarning() : undefined;
  onLockEvent('directory-made', (event) => tellOfDirectory(event, options));
  return new LockManager(path === undefined ? place : { ...place, audit: { path } });
}

/** Where a cache tells what is done in it, unless `HOLDFAST_AUDIT=off`. */
export function auditOfCache(): { readonly audit?: { readonly path: string } } {
  const path = auditIsOn() ? pathOrWarning() : undefined;
  return path === undefined ? {} : { audit: { path } };
}

function tellOfDirectory(
  { resource, path, directory }: LockEvents['directory-made'],
  { json }: GlobalOptions,
): void {
  if (json === true) tellJson({ event: 'directory-made', resource, path, directory });
  else
    note(`made the directory ${printable(directory)} for the lock of ${printable(resource)}: there was none`);
}

/** A lock on a file needs no home directory, so it does not fail for want of one: the first lock says that it has no log. */
function pathOrWarning(): string | undefined {
  try {
    return auditPath();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const stop = onLockEvent('requested', () => {
      stop();
      process.emitWarning(`There is no audit log: ${error.message} Locks go on without it.`);
    });
    return undefined;
  }
}

function placeOf({ directory, system }: GlobalOptions): ManagerOptions {
  if (directory !== undefined) return { directory };
  return { scope: system === true ? 'system' : 'user' };
}

function auditIsOn(): boolean {
  const value = process.env.HOLDFAST_AUDIT;
  if (value === undefined || value === '' || value === 'on') return true;
  if (value === 'off') return false;
  throw new InputError('environment variable HOLDFAST_AUDIT', `must be "on" or "off", got ${shown(value)}`);
}

/** What commands take that are about locks given as words. */
export interface NamingOptions extends GlobalOptions {
  /** Every word is a name. */
  readonly name?: true;
  /** Every word is a file. */
  readonly file?: true;
}

/**
 * What a word of the command line names: a file when it has a path separator, else a name, unless all are one or the
 * other.
 *
 * @throws {InputError} for `.` and `..`, which nobody means as names.
 */
export function targetOfWord(word: string, options: NamingOptions): Exclude<Target, string> {
  if (word === '') throw new InputError('NAME', 'must not be empty, got ""');
  if (options.file === true) return { file: word };
  if (options.name === true) return { name: word };
  if (word === '.' || word === '..') {
    const problem = `must not be ${shown(word)}: pass --file for the lock of that directory, --name for one of that name`;
    throw new InputError('NAME', problem);
  }
  if (looksLikeFile(word)) return { file: word };
  hintAtFile(word, options);
  return { name: word };
}

const hintedAt = new Set<string>();

/** Says once, to a person, that a file which is called like the name is not what is locked. */
function hintAtFile(word: string, { json }: NamingOptions): void {
  if (json === true || hintedAt.has(word) || !isatty(2) || statOrNothing(word)?.isFile() !== true) return;
  hintedAt.add(word);
  note(
    `${printable(word)} is a name here, not the file; for the file, pass --file or ${cliNameOfFile(word)}`,
  );
}

/** How another command would have to call what a word names. */
export function cliNameOfWord(word: string, options: NamingOptions): string {
  const target = targetOfWord(word, options);
  if ('name' in target) return cliNameOf(target.name, options);
  return looksLikeFile(word) ? shellWord(word) : cliNameOfFile(word);
}
