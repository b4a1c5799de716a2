import { readFileSync, unlinkSync } from 'node:fs';
import { DamagedError, MissingDocumentError, SchemaTooNewError } from '../errors/document-errors.ts';
import type { Json } from '../json/json.ts';
import { plain, withLiterals } from '../json/values.ts';
import { Date } from '../time/time.ts';
import { Batch, type Changes } from './batch.ts';
import { Document } from './document.ts';
import { Folder, givenPath, type Place, placeOf } from './file/place.ts';
import { publish } from './file/publish.ts';
import { readBytes } from './file/version.ts';
import { isWhole, Keeper } from './keeper.ts';
import { load } from './load.ts';
import type { DocumentOptions } from './options.ts';
import { prepareRecovery } from './recovery/recovery.ts';
import { assertValid, assertWhole } from './schema.ts';
import { type Settings, settingsOf } from './settings.ts';
import { type Loaded, textOf } from './text.ts';
import { run, type Work } from './work.ts';

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
  const { migrate, schema } = settings;
  if (migrate !== undefined) loaded = await migrated(settings, loaded);
  if (settings.tooNew === undefined) await run(assertWhole(schema, loaded.json, settings.path));
  return new Document(settings, loaded);
}

async function found<T>(settings: Settings<T>): Promise<Loaded | undefined> {
  const { path: shown, maxBytes } = settings;
  return run(load(placeOf(shown).path, { shown, maxBytes }));
}

/**
 * Has the newest whole backup take the place of a damaged file, which is copied first.
 *
 * @throws {DamagedError} as it came, where that was not asked for, or there is no such backup.
 */
async function restored<T>(settings: Settings<T>, error: unknown): Promise<Loaded | undefined> {
  if (!(error instanceof DamagedError) || settings.recover !== 'auto' || settings.readOnly) throw error;
  const { path: shown, maxBytes, locks, timeout, holdLimit } = settings;
  const place = placeOf(shown);
  const options = { holdLimit, purpose: 'recovery', ...(timeout !== undefined && { timeout }) };
  return locks.with({ file: place.path }, options, async (lock) => {
    const again = await found(settings).catch((damage: unknown) => damage);
    if (!(again instanceof DamagedError)) return found(settings); // another program has repaired it
    const folder = new Folder(place);
    try {
      const damaged = readBytes(folder.file, { shown, maxBytes });
      if (damaged === undefined) return undefined;
      const { bytes, identity } = damaged;
      const writtenAt = new Date(Number(identity.mtimeNs / 1_000_000n));
      const { backups } = new Keeper(place, settings.backups, () => {});
      const recovery = prepareRecovery(backups, { bytes, writtenAt }, (text) => isWhole(Buffer.from(text)));
      if (recovery === undefined) throw error;
      const published = await run(
        publish(place, folder, recovery.text, damaged, {
          owner: damaged,
          maxBytes,
          mayReplace: () => lock.assertHeld(),
          secure: () => {},
        }),
      );
      if (published.outcome === 'overtaken') backups.keepCorrupt(readFileSync(published.displaced));
      if (published.outcome !== 'changed' && published.displaced !== undefined)
        unlinkSync(published.displaced);
      folder.sync();
      if (published.outcome !== 'changed') settings.restored = recovery.restored;
      return found(settings);
    } finally {
      folder.close();
    }
  });
}

function created<T>(settings: Settings<T>): Promise<Loaded> {
  const { create, readOnly, path, schema } = settings;
  if (create === undefined || readOnly) throw new MissingDocumentError(path);
  return written(settings, undefined, function* (current) {
    if (current !== undefined) return current.json; // another program was faster
    const json = withLiterals(null, create());
    yield* assertValid(schema, json, path);
    return json;
  });
}

async function migrated<T>(settings: Settings<T>, loaded: Loaded): Promise<Loaded> {
  const { migrate, path, readOnly, schema } = settings;
  if (migrate === undefined) return loaded;
  const { version, member = '$version', up } = migrate;
  const versionOf = (json: Json) => {
    const value = plain(json) as Record<string, unknown> | null;
    const own = typeof value === 'object' && value !== null && Object.hasOwn(value, member);
    const named: unknown = own ? value[member] : 0;
    if (Number.isInteger(named)) return named as number;
    throw new DamagedError(path, `has no version in its member ${member}`);
  };
  const raised = (json: Json) => {
    const value = up(structuredClone(plain(json)), versionOf(json)) as object;
    return withLiterals(json, { ...value, [member]: version });
  };
  if (versionOf(loaded.json) > version) {
    settings.tooNew = new SchemaTooNewError(path, versionOf(loaded.json), version);
  }
  if (versionOf(loaded.json) >= version) return loaded;
  if (readOnly) return { ...loaded, json: raised(loaded.json) };
  return written(settings, loaded, function* (current = loaded, batch, place) {
    if (versionOf(current.json) >= version) return current.json;
    batch.keeper(place).secure(current.text, 'migration');
    const json = raised(current.json);
    yield* assertValid(schema, json, path);
    return json;
  });
}

/** One save under the lock, before there is a document. */
async function written<T>(
  settings: Settings<T>,
  known: Loaded | undefined,
  next: (current: Loaded | undefined, batch: Batch<T>, place: Place) => Work<Json>,
): Promise<Loaded> {
  const place = placeOf(settings.path);
  const batch = new Batch<T>(settings, changesOf(known), () => {});
  const { locks, timeout, holdLimit } = settings;
  const options = { holdLimit, purpose: 'document', ...(timeout !== undefined && { timeout }) };
  return locks.with({ file: place.path }, options, async (lock) => {
    const folder = new Folder(place);
    try {
      let json: Json = null;
      const { version } = await run(
        batch.commit(place, folder, lock, function* (current) {
          json = yield* next(current, batch, place);
          return textOf(current, json);
        }),
      );
      return { ...version, json };
    } finally {
      folder.close();
    }
  });
}

function changesOf(known: Loaded | undefined): Changes {
  const nothing = () => {};
  return {
    known: () => known,
    pending: () => undefined,
    found: nothing,
    publishing: nothing,
    written: nothing,
    removed: nothing,
  };
}
