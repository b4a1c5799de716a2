import { join } from 'node:path';
import { shellWord } from '../errors/describe.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { cliNameOf, looksLikeFile } from '../lock/cli-name.ts';
import { LockManager } from '../lock/manager.ts';
import type { ManagerOptions } from '../lock/options.ts';
import type { Target } from '../lock/resource.ts';
import { stateHome } from '../storage/home.ts';

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
  return new LockManager(auditIsOn() ? { ...place, audit: { path: auditPath() } } : place);
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
}

/** What a word of the command line names: a file when it has a path separator, unless all are names, else a name. */
export function targetOfWord(word: string, options: Pick<NamingOptions, 'name'>): Target {
  if (word === '') throw new InputError('NAME', 'must not be empty, got ""');
  return options.name !== true && looksLikeFile(word) ? { file: word } : { name: word };
}

/** How another command would have to call what a word names. */
export function cliNameOfWord(word: string, options: NamingOptions): string {
  const target = targetOfWord(word, options) as { readonly name?: string };
  return target.name === undefined ? shellWord(word) : cliNameOf(target.name, options);
}
