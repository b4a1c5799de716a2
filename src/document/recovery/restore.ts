import { isUtf8 } from 'node:buffer';
import { printable } from '../../errors/describe.ts';
import { DamagedError } from '../../errors/document-errors.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { now, type Work } from '../../lock/work.ts';
import { Date } from '../../time/time.ts';
import { type Adopted, adopted } from '../adopt.ts';
import { commit, type Plan } from '../commit.ts';
import { givenPath, standingPlaceOf } from '../file/place.ts';
import { type ReadOptions, readBytes, type Version } from '../file/version.ts';
import { Keeper } from '../keeper.ts';
import { readingOf } from '../load.ts';
import type { DocumentOptions } from '../options.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { type Loaded, parse } from '../text.ts';
import { type Site, underLock } from '../under-lock.ts';
import { prepareRecovery, type Restored } from './recovery.ts';

export interface RestoreRequest {
  /** The name of the backup; undefined: the newest one that is whole. */
  readonly backup?: string | undefined;
  /** `damage`: nothing is done unless the file is damaged. */
  readonly only?: 'damage';
  /** The last whole text that this program knows of. */
  readonly lastKnown?: string | undefined;
}

/** Where a document is restored, and who is told of it. */
export interface RestoreSite extends Site, Pick<Plan<Version>, 'onPublish' | 'onWeaker'> {
  readonly settings: Settings<unknown>;
  /** The backup stands at the path, and its directory could not be synced. */
  readonly onUnsynced?: (done: Done) => void;
}

export interface Done {
  readonly restored: Restored;
  readonly loaded: Loaded;
}

/** A version of which the bytes need not be a text. */
type AnyVersion = Version & { readonly bytes: Buffer };

/**
 * Has a backup take the place of what is there, by the protocol of saves, for the holder of the lock. What is there, and what
 * an outsider puts there meanwhile, is kept first: nothing is destroyed. Undefined where there is no such backup, or
 * nothing is damaged, and then nothing was done.
 */
export function* restore(
  site: RestoreSite,
  { backup, only, lastKnown }: RestoreRequest,
): Work<Done | undefined> {
  const { place, folder, lock, settings, onUnsynced, ...told } = site;
  const { path, manager } = settings;
  const { backups } = new Keeper(place, settings.backups, () => {});
  const options = readingOf(settings);
  let good: Adopted | undefined; // what the last text that was found good says
  function* isGood(text: string): Work<boolean> {
    try {
      const found = yield* adopted(settings, parse(text, path));
      if (found.tooNew === undefined) good = found;
      return found.tooNew === undefined;
    } catch (error) {
      if (error instanceof DamagedError) return false;
      throw error;
    }
  }
  let restored: Restored | undefined;
  const doneAs = (version: Version): Done => {
    if (restored === undefined || good === undefined) throw NOTHING;
    return { restored, loaded: { ...version, ...good } };
  };
  try {
    const { version } = yield* commit<AnyVersion>(place, folder, options, {
      ...told,
      manager,
      mayReplace: () => lock.assertHeld(),
      onUnsynced: (version) => onUnsynced?.(doneAs(version)),
      read: (file) => now(() => readAny(file, options)),
      *next(current) {
        const isHarmless = current !== undefined && (yield* isGood(current.text));
        if (only === 'damage' && (current === undefined || isHarmless)) throw NOTHING;
        const writtenAt = new Date(Number((current?.identity.mtimeNs ?? 0n) / 1_000_000n));
        const found = current && { bytes: current.bytes, writtenAt, isWhole: isHarmless, lastKnown };
        const recovery = yield* prepareRecovery(backups, found, isGood, restored?.backup ?? backup);
        if (recovery === undefined) throw NOTHING;
        restored = recovery.restored;
        return recovery.text;
      },
    });
    return doneAs(version);
  } catch (error) {
    if (error === NOTHING) return undefined;
    throw error;
  }
}

const NOTHING = Symbol('nothing to restore');

/** What stands at a path, whatever it is; the text of what is no text is one that no document has. */
function readAny(file: string, options: ReadOptions): AnyVersion | undefined {
  const found = readBytes(file, options);
  if (found === undefined) return undefined;
  const bytes = Buffer.from(found.bytes);
  return { ...found, bytes, text: isUtf8(bytes) ? bytes.toString() : `\0${bytes.toString()}` };
}

/** The same under the lock of the file, for who has no document open. */
export function restoreLocked(
  settings: Settings<unknown>,
  request: RestoreRequest,
): Promise<Done | undefined> {
  return underLock(settings.path, settings, 'recovery', (site) => restore({ ...site, settings }, request));
}

/**
 * Restores a document from a backup: from the one of this name, or the newest one that is whole and says something else than
 * the file. Works on a document that is damaged or missing too. What is there is kept first, as a backup, or as a copy
 * ending in `.corrupt`, and its name is told. Takes the exclusive lock.
 *
 * @throws {InputError} there is no such backup, or it is not whole: nothing was done. @throws {TimeoutError}
 * @throws {DocumentWriteError | UnreadableError | BackupError} what is there could not be kept, or replaced.
 */
export async function restoreBackup(
  path: string | URL,
  backup?: string,
  options: Pick<DocumentOptions<unknown>, 'schema' | 'timeout' | 'locks' | 'maxBytes'> = {},
): Promise<Restored> {
  const settings = settingsOf<unknown>(givenPath(path), options);
  standingPlaceOf(settings.path);
  const done = await restoreLocked(settings, { backup });
  if (done === undefined) throw noBackup(settings.path, backup);
  return done.restored;
}

export function noBackup(path: string, backup: string | undefined): InputError {
  const name = printable(path);
  if (backup === undefined) return new InputError(name, 'has no whole backup that says something else');
  return new InputError('backup', `must be the name of a whole backup of ${name}, got ${shown(backup)}`);
}
