import {
  DamagedError,
  InvalidValueError,
  SchemaTooNewError,
  UnreadableError,
} from '../errors/document-errors.ts';
import { shown } from '../errors/input-error.ts';
import { draftOf } from '../json/draft.ts';
import { isObject, type Json } from '../json/json.ts';
import { memberOf, plain } from '../json/values.ts';
import { isPromise } from '../lock/body.ts';
import type { Work } from '../lock/work.ts';
import type { DocumentOptions } from './options.ts';
import { assertWhole, type Checking } from './schema.ts';

type Migrating = Pick<DocumentOptions<unknown>, 'migrate'>;

/** What a program works with, of what its file says. */
export interface Adopted {
  readonly json: Json;
  /** The file has an older version of it, which the next save raises. */
  readonly isRaised?: boolean | undefined;
  /** The file is of a newer version of the program: it is not written. */
  readonly tooNew?: SchemaTooNewError | undefined;
}

/**
 * Brings what a file says to the version of this program, and checks it.
 *
 * @throws {DamagedError} it does not fit the schema, or has no version. @throws {UnreadableError} the migration fails, which
 * says nothing of the file: nothing is restored over it.
 */
export function* adopted(settings: Migrating & Checking, json: Json): Work<Adopted> {
  const { migrate, path } = settings;
  let raised = json;
  if (migrate !== undefined) {
    const { version, member = '$version', up } = migrate;
    const found = versionOf(json, member);
    if (found === undefined) throw new DamagedError(path, `has no version in its member ${member}`);
    if (found > version) return { json, tooNew: new SchemaTooNewError(path, found, version) };
    try {
      if (found < version) {
        const { value: draft, exact } = draftOf(json);
        const result = up(draft, found);
        const value = result === undefined ? draft : result; // as a recipe does
        if (!isMembers(value)) throw new TypeError('up must change its value in place, or return an object');
        raised = exact({ ...value, [member]: version });
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : shown(error);
      const problem = `cannot be brought from version ${found} to ${version}: ${reason.replace(/\.$/, '')}`;
      throw new UnreadableError(path, `${problem}. The file was left as it is; see to the migration`, error);
    }
  }
  yield* assertWhole(settings, raised);
  return { json: raised, isRaised: raised !== json };
}

/** Of anything else, as of a promise or a list, not a member would be left. */
function isMembers(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isPromise(value);
}

/**
 * A value that is to be written, with the version of this program: a recipe that returns a new value leaves it out, and what
 * was written without it would be migrated again.
 *
 * @throws {InvalidValueError} it is of another version, or can have none.
 */
export function versioned({ migrate, path }: Migrating & Pick<Checking, 'path'>, json: Json): Json {
  if (migrate === undefined) return json;
  const { version, member = '$version' } = migrate;
  if (versionOf(json, member) === version) return json;
  if (isObject(json) && !Object.hasOwn(json, member)) return { [member]: version, ...json };
  throw new InvalidValueError(path, [`${member} must be ${version}, the version of migrate`]);
}

/** 0 where there is none; undefined for what is no version. */
function versionOf(json: Json, member: string): number | undefined {
  const found = memberOf(json, member);
  const named = found === undefined ? 0 : plain(found);
  return Number.isInteger(named) ? (named as number) : undefined;
}
