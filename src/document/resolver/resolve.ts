import { ConflictError } from '../../errors/document-errors.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { check, type Kind } from '../../lock/known-options.ts';
import type { Work } from '../../lock/work.ts';
import { commit } from '../commit.ts';
import { conflictFiles, dropConflict, textIn } from '../conflicts.ts';
import { givenPath } from '../file/place.ts';
import { Keeper } from '../keeper.ts';
import { load } from '../load.ts';
import type { DocumentOptions } from '../options.ts';
import { assertValid } from '../schema.ts';
import { settingsOf } from '../settings.ts';
import { type Loaded, textOf } from '../text.ts';
import { underLock } from '../under-lock.ts';
import { type Answers, answerTo, resolvedValue } from './choose.ts';
import { compare } from './unresolved.ts';

export interface Resolved {
  /** The backup of what was in the document; undefined where it had been deleted. */
  readonly backup: string | undefined;
  /** The backup of the version that was in the conflict file, which is gone. */
  readonly ours: string;
  /** The document was changed by this. */
  readonly isWritten: boolean;
}

const ANSWERS: Kind = {
  what: 'ours, theirs, or an object with the answers',
  fits: (value) => value === 'ours' || value === 'theirs' || (typeof value === 'object' && value !== null),
};

/** Theirs counts, and that is that there is no document. */
const DELETED = Symbol('stays deleted');

/**
 * Resolves one conflict file: merges it once more with what is in the document now, under the exclusive lock, and writes that
 * with the answers, all at once. Both versions become backups first. Then the conflict file goes.
 *
 * @throws {ConflictError} with the conflicts that have no answer: others have changed the document since they were shown.
 * Nothing was done. @throws {InputError} there is no such conflict file, or an answer does not fit.
 * @throws {InvalidValueError} the result does not fit the schema. Throws as `update` does, too.
 */
export async function resolveConflict(
  path: string | URL,
  file: string,
  answers: Answers,
  options: Pick<DocumentOptions<unknown>, 'schema' | 'timeout' | 'locks' | 'maxBytes'> = {},
): Promise<Resolved> {
  check('answers', answers, ANSWERS);
  const settings = settingsOf(givenPath(path), options);
  const { manager, maxBytes } = settings;
  return underLock(settings.path, settings, 'resolve', function* ({ place, folder, lock }) {
    const reading = { shown: place.given, maxBytes };
    const { backups } = new Keeper(place, {}, () => {});
    if (!conflictFiles(folder.path, place.name).includes(file)) throw noConflict(file);
    const text = textIn(folder.path, file) ?? '';
    let kept: Omit<Resolved, 'isWritten'> | undefined;
    function* next(current: Loaded | undefined): Work<string> {
      const found = compare(folder.path, file, current);
      if (found === undefined) throw noConflict(file);
      const open = found.conflicts.filter((conflict) => answerTo(conflict, answers) === undefined);
      if (open.length > 0) throw new ConflictError(place.given, open, file);
      const json = resolvedValue(found, answers);
      if (json !== undefined) yield* assertValid(settings, json);
      const ours = backups.write(text, 'conflict');
      kept = { ours, backup: current && backups.write(current.text, 'resolve') };
      if (json === undefined) throw DELETED;
      return textOf(current ?? ({ text, json: found.ours } as Loaded), json); // in the layout of what there is
    }
    const plan = {
      manager,
      read: (at: string) => load(at, reading),
      next,
      mayReplace: () => lock.assertHeld(),
    };
    let isWritten = false;
    try {
      ({ isWritten } = yield* commit(place, folder, reading, plan));
    } catch (error) {
      if (error !== DELETED) throw error;
    }
    dropConflict(folder.path, file);
    return { ...(kept as NonNullable<typeof kept>), isWritten };
  });
}

function noConflict(file: string): InputError {
  return new InputError('file', `must be a conflict file of the document, got ${shown(file)}`);
}
