import { MissingDocumentError } from '../errors/document-errors.ts';
import type { Json } from '../json/json.ts';
import { plain } from '../json/values.ts';
import { check, checkNames, namesOf, utf8 } from '../lock/known-options.ts';
import { awaited, now, type Work } from '../lock/work.ts';
import { commit } from './commit.ts';
import { applied, checkRecipe, type Recipe } from './draft.ts';
import { givenPath, type Place, placeOf, standingPlaceOf } from './file/place.ts';
import { type ReadOptions, readVersion, refuseUnreadable, type Version } from './file/version.ts';
import { isWhole, Keeper } from './keeper.ts';
import { load } from './load.ts';
import {
  checkDocumentOptions,
  type DocumentOptions,
  defaultLocks,
  HOLD_LIMIT,
  MAX_BYTES,
} from './options.ts';
import { type Loaded, textOf } from './text.ts';
import { underLock } from './under-lock.ts';

/** As those of `openDocument`. */
export type UpdateFileOptions = Pick<
  DocumentOptions<unknown>,
  'timeout' | 'holdLimit' | 'maxBytes' | 'locks'
>;

const OPTIONS = namesOf<UpdateFileOptions>({ timeout: true, holdLimit: true, maxBytes: true, locks: true });

/**
 * Changes a text file once: reads it, has `change` make the new text of the old one, and puts that in its place, under the
 * file's exclusive lock. Others see the old text or the new one, and the new one is on the disk when this resolves; mode
 * and owner are kept, and links are written through. `change` runs again when a program without the lock was faster.
 * A file that is missing counts as the text '', and is made. Resolves with the new text.
 *
 * @throws {InputError} the new text is none, or has half of a surrogate pair, which UTF-8 cannot hold.
 * @throws {TimeoutError} the lock was not free in time. @throws {DocumentWriteError | UnreadableError | DamagedError}
 * @throws {LostError} `change` took longer than `holdLimit`. @throws what `change` throws; nothing is written then.
 */
export async function updateFile(
  path: string | URL,
  change: (text: string) => string | PromiseLike<string>,
  options: UpdateFileOptions = {},
): Promise<string> {
  checkRecipe(change, 'change');
  const read = (file: string, reading: ReadOptions) => now(() => readVersion(file, reading));
  const isText = ({ length }: Buffer) => length > 0; // of what is no JSON, any text may be an outsider's version
  return updated<Version>(path, options, { read, isGood: isText }, function* (current) {
    const made = change(current?.text ?? '');
    const text = typeof made === 'string' ? made : yield* awaited(made, 'the change');
    check('result of change', text, utf8);
    return text;
  });
}

/**
 * Changes a JSON file once, by a recipe as those of `Document.update`. What the recipe leaves alone keeps every byte. A file
 * that is missing is an error. Resolves with the new value. Throws as `updateFile` does.
 */
export async function updateJson<T = unknown>(
  path: string | URL,
  recipe: Recipe<T>,
  options: UpdateFileOptions = {},
): Promise<T> {
  checkRecipe(recipe);
  return plain(await updateExact(path, (json, at) => applied(recipe, json, at), options)) as T;
}

/** The same with every number as it is written. */
export async function updateExact(
  path: string | URL,
  change: (json: Json, path: string) => Work<Json>,
  options: UpdateFileOptions = {},
): Promise<Json> {
  standingPlaceOf(givenPath(path));
  let json: Json = null;
  const read = (file: string, reading: ReadOptions) =>
    load(file, { ...reading, known: undefined, isExpected: true });
  await updated<Loaded>(path, options, { read, isGood: isWhole }, function* (current, place) {
    if (current === undefined) throw new MissingDocumentError(place.given);
    json = yield* change(current.json, place.path);
    return textOf(current, json);
  });
  return json;
}

async function updated<V extends Version>(
  given: string | URL,
  options: UpdateFileOptions,
  kind: {
    readonly read: (file: string, reading: Omit<ReadOptions, 'known'>) => Work<V | undefined>;
    readonly isGood: (text: Buffer) => boolean;
  },
  next: (current: V | undefined, place: Place) => Work<string>,
): Promise<string> {
  checkNames(options, OPTIONS);
  checkDocumentOptions(options);
  const path = givenPath(given);
  const { timeout, holdLimit = HOLD_LIMIT, locks = defaultLocks(), maxBytes = MAX_BYTES } = options;
  const reading = { shown: path, maxBytes };
  refuseUnreadable(placeOf(path).path, path);
  return underLock(path, { timeout, holdLimit, locks }, 'update', function* ({ place, folder, lock }) {
    const keeper = new Keeper(place, false, () => {});
    keeper.sweep(folder, reading, kind.isGood);
    const { version } = yield* commit<V>(place, folder, reading, {
      manager: locks.id,
      read: (file) => kind.read(file, reading),
      next: (current) => next(current, place),
      mayReplace: () => lock.assertHeld(),
      keeper,
    });
    return version.text;
  });
}
