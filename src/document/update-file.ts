import { MissingDocumentError } from '../errors/document-errors.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { plain } from '../json/values.ts';
import { checkNames, namesOf } from '../lock/known-options.ts';
import type { Lock } from '../lock/lock.ts';
import { commit, inWords, type Plan } from './commit.ts';
import { applied, type Recipe } from './draft.ts';
import { Folder, givenPath, type Place, placeOf } from './file/place.ts';
import { readVersion, type Version } from './file/version.ts';
import { Keeper } from './keeper.ts';
import { load } from './load.ts';
import { type DocumentOptions, defaultLocks, HOLD_LIMIT, MAX_BYTES } from './options.ts';
import { type Loaded, textOf } from './text.ts';
import { run, step, type Work } from './work.ts';

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
 * @throws {TimeoutError} the lock was not free in time. @throws {DocumentWriteError | UnreadableError | DamagedError}
 * @throws {LostError} `change` took longer than `holdLimit`. @throws what `change` throws; nothing is written then.
 */
export function updateFile(
  path: string | URL,
  change: (text: string) => string | PromiseLike<string>,
  options: UpdateFileOptions = {},
): Promise<string> {
  const read = (file: string, shownPath: string) =>
    once(() => readVersion(file, reading(shownPath, options)));
  return updated<Version>(path, options, read, function* (current) {
    if (typeof change !== 'function')
      throw new InputError('change', `must be a function, got ${shown(change)}`);
    const made = change(current?.text ?? '');
    const text = typeof made === 'string' ? made : yield* awaited(made);
    if (typeof text !== 'string') throw new InputError('change', `must return a text, got ${shown(text)}`);
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
  let value: unknown;
  const read = (file: string, shownPath: string) => load(file, reading(shownPath, options));
  await updated<Loaded>(path, options, read, function* (current, place) {
    if (current === undefined) throw new MissingDocumentError(place.given);
    const json = yield* applied(recipe, current.json, place.path, (promise) => Promise.resolve(promise));
    value = plain(json);
    return textOf(current, json);
  });
  return value as T;
}

function reading(path: string, { maxBytes = MAX_BYTES }: UpdateFileOptions) {
  return { shown: path, maxBytes };
}

async function updated<V extends Version>(
  given: string | URL,
  options: UpdateFileOptions,
  read: (file: string, shownPath: string) => Work<V | undefined>,
  next: (current: V | undefined, place: Place) => Work<string>,
): Promise<string> {
  checkNames(options, OPTIONS);
  const place = placeOf(givenPath(given));
  const { timeout, holdLimit = HOLD_LIMIT, locks = defaultLocks() } = options;
  const asked = { holdLimit, purpose: 'update', ...(timeout !== undefined && { timeout }) };
  return locks.with({ file: place.path }, asked, async (lock) => {
    const folder = new Folder(place);
    try {
      const { version } = await run(
        commit(place, folder, reading(place.given, options), plan(place, lock, locks.id, read, next)),
      );
      return version.text;
    } catch (error) {
      throw inWords(place.given, error);
    } finally {
      folder.close();
    }
  });
}

function plan<V extends Version>(
  place: Place,
  lock: Lock,
  manager: number,
  read: (file: string, shownPath: string) => Work<V | undefined>,
  next: (current: V | undefined, place: Place) => Work<string>,
): Plan<V> {
  const keeper = new Keeper(place, false, () => {});
  return {
    manager,
    read: (file) => read(file, place.given),
    next: (current) => next(current, place),
    mayReplace: () => lock.assertHeld(),
    keep: (text, how) => (how === 'save' ? keeper.keep(text) : keeper.secure(text, 'interrupted')),
    onWeaker: () => {},
    onPublish: () => {},
  };
}

// biome-ignore lint/correctness/useYield: a piece of work that takes no time
function* once<R>(body: () => R): Work<R> {
  return body();
}

function awaited<R>(promise: PromiseLike<R>): Work<R> {
  const refuse = (): R => {
    throw new TypeError('there is no time to wait');
  };
  return step(refuse, () => Promise.resolve(promise));
}
