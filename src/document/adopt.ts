import { DamagedError, SchemaTooNewError, UnreadableError } from '../errors/document-errors.ts';
import { shown } from '../errors/input-error.ts';
import { draftOf } from '../json/draft.ts';
import type { Json } from '../json/json.ts';
import { plain } from '../json/values.ts';
import { isPromise } from '../lock/body.ts';
import type { Work } from '../lock/work.ts';
import { assertWhole, type Checking } from './schema.ts';
import type { Settings } from './settings.ts';

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
export function* adopted(settings: Pick<Settings<unknown>, 'migrate'> & Checking, json: Json): Work<Adopted> {
  const { migrate, path } = settings;
  let raised = json;
  if (migrate !== undefined) {
    const { version, member = '$version', up } = migrate;
    const found = versionOf(json, member, path);
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

function versionOf(json: Json, member: string, path: string): number {
  const value = plain(json) as Record<string, unknown> | null;
  const own = typeof value === 'object' && value !== null && Object.hasOwn(value, member);
  const named: unknown = own ? value[member] : 0;
  if (Number.isInteger(named)) return named as number;
  throw new DamagedError(path, `has no version in its member ${member}`);
}
