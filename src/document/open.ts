import { DamagedError, MissingDocumentError } from '../errors/document-errors.ts';
import type { Json } from '../json/json.ts';
import { now, run, type Work } from '../lock/work.ts';
import { Batch, type Changes } from './batch.ts';
import { Document } from './document.ts';
import { givenPath, placeOf } from './file/place.ts';
import { load, readingOf } from './load.ts';
import type { DocumentOptions } from './options.ts';
import { restoreLocked } from './recovery/restore.ts';
import { assertValid } from './schema.ts';
import { type Settings, settingsOf } from './settings.ts';
import { type Loaded, textOf } from './text.ts';
import { underLock } from './under-lock.ts';

/**
 * Opens a JSON file that several programs change, and watches it. Links are followed, and stay links. Opening takes no lock,
 * unless the file is to be made, restored or brought to a newer version.
 *
 * @throws {MissingDocumentError} there is no file, and no `create`. @throws {DamagedError} with line and column; the file
 * is left as it is, unless `recover` says otherwise. @throws {UnreadableError} what stands there is no regular file, is
 * too large, or may not be read. @throws {InputError} an option or the path cannot be used. Throws as `update` does where
 * the file is written.
 *
 * @example
 * const roles = await openDocument<Roles>('data/roles.json');
 * await roles.update((draft) => { draft.seats += 1; });
 */
export async function openDocument<T = unknown>(
  path: string | URL,
  options: DocumentOptions<T> = {},
): Promise<Document<T>> {
  const settings = settingsOf(givenPath(path), options);
  let loaded = await found(settings).catch((error: unknown) => restored(settings, error));
  loaded ??= await created(settings);
  if (loaded.isRaised === true && !settings.readOnly) {
    loaded = await raised(settings, loaded);
  }
  return new Document(settings, loaded);
}

async function found<T>(settings: Settings<T>): Promise<Loaded | undefined> {
  return run(load(placeOf(settings.path).path, readingOf(settings)));
}

/** Has the newest whole backup take the place of a damaged file. @throws as it came, where that was not asked for, or cannot be. */
async function restored<T>(settings: Settings<T>, error: unknown): Promise<Loaded | undefined> {
  if (!(error instanceof DamagedError) || settings.recover !== 'auto' || settings.readOnly) throw error;
  const done = await restoreLocked(settings, { only: 'damage' });
  settings.restored = done?.restored;
  if (done !== undefined) return done.loaded;
  return found(settings); // another program has repaired it, or there is no such backup
}

function created<T>(settings: Settings<T>): Promise<Loaded> {
  const { create, readOnly, path } = settings;
  if (create === undefined || readOnly) throw new MissingDocumentError(path);
  return written(settings, undefined, function* (current) {
    if (current !== undefined) return current.json; // another program was faster
    const json = create();
    yield* assertValid(settings, json);
    return json;
  });
}

/** Writes what was brought to the version of this program. */
function raised<T>(settings: Settings<T>, loaded: Loaded): Promise<Loaded> {
  return written(settings, loaded, (current) =>
    now(() => {
      if (current === undefined) throw new MissingDocumentError(settings.path);
      return current.json;
    }),
  );
}

/** One save under the lock, before there is a document. */
function written<T>(
  settings: Settings<T>,
  known: Loaded | undefined,
  next: (current: Loaded | undefined) => Work<Json>,
): Promise<Loaded> {
  const batch = new Batch<T>(settings, changesOf(known), () => {});
  return underLock(settings.path, settings, 'document', function* (site) {
    let json: Json = null;
    const { version } = yield* batch.commit(site, function* (current) {
      json = yield* next(current);
      return textOf(current, json);
    });
    return { ...version, json };
  });
}

function changesOf(known: Loaded | undefined): Changes {
  const nothing = () => undefined;
  return { known: () => known, pending: nothing, found: nothing, written: nothing, removed: nothing };
}
