import { lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { adviceOn } from '../errors/advice.ts';
import { systemCode } from '../errors/base.ts';
import { DocumentWriteError, UnreadableError, unsynced } from '../errors/document-errors.ts';
import { publishDocumentEvent } from '../events/document-channel.ts';
import { step, type Work } from '../lock/work.ts';
import { exchange, moveToFreeName } from '../storage/exchange/index.ts';
import { unlinkQuietly } from '../storage/fs/quietly.ts';
import { ownershipIn } from './file/fresh.ts';
import { type Identity, identityOf, isSame, isSameFile } from './file/identity.ts';
import type { Folder, Place } from './file/place.ts';
import { publish, steps, type Weaker } from './file/publish.ts';
import { type ReadOptions, readVersion, SMALL, type Standing, type Version } from './file/version.ts';
import type { Keeper } from './keeper.ts';

/** What a save is to do, and whom it tells. */
export interface Plan<V extends Version> {
  /** Whose locks are used, for those who listen to all documents. */
  readonly manager: number;
  /** Reads what lies at a path: the document's own, or that of a version of an outsider that came out. */
  readonly read: (path: string) => Work<V | undefined>;
  /** The text to write, given what is there; called again when an outsider was faster. Throws where nothing can be written. */
  readonly next: (current: V | undefined) => Work<string>;
  /** Last thing before the file changes; throws where the lock was lost. */
  readonly mayReplace: () => void;
  /** Keeps versions that are about to be gone. Left out where `next` keeps each that it is given. */
  readonly keeper?: Pick<Keeper, 'keep' | 'secure' | 'backups'>;
  readonly onWeaker?: (weaker: Weaker) => void;
  /** Between this and the end of the save, the newest version at the path may be the save's own. */
  readonly onPublish?: () => void;
  /** The file that is at the path on the disk, for sure. */
  readonly synced?: Identity | undefined;
  /** The save fails, and its version stands at the path all the same: step 9 alone has failed. */
  readonly onUnsynced?: ((version: Version) => void) | undefined;
}

export interface Committed {
  /** What is at the path now. */
  readonly version: Version;
  readonly isWritten: boolean;
}

/** How often an outsider may be faster before a save gives up. Each round takes about a millisecond. */
const ROUNDS = 50;

/**
 * One save, for who holds the lock of the document. What this process leaves when it dies at a step, and what happens
 * when an outsider, who takes no lock, writes there:
 *
 *  1. Read what is there. Dying leaves nothing. An outsider who writes later is found in 5 or 7.
 *  2. The recipes run on it, and what was edited is merged with it. Dying leaves nothing.
 *  3. The text; the same one ends the save: no write, no backup. Step 9 is made all the same, unless this file was synced before:
 *     whoever put it there may have died, or failed, at that step.
 *  4. A fresh file, with owner and mode, synced. Dying here, or up to 6, leaves it, for the next holder to sweep.
 *  5. Look at the path: not what 1 read, then the fresh file goes, and everything starts over with what is there.
 *  6. Exchange the two. Dying after it leaves the new version at the path, whole, and the old one under the fresh name,
 *     where the next holder sweeps it, or keeps it as a backup if nobody else has it.
 *  7. Look at what came out: not what 1 read, then an outsider wrote between 5 and 6, and what came out is the newest that
 *     is not ours. Everything starts over with that, and what this save has just put there is what is replaced.
 *     If it cannot be worked with, it is put back.
 *  8. The backup of what was replaced, then that is removed. Dying in between leaves both.
 *  9. Sync the directory. Before that, nobody is told that anything is saved: a power cut may bring back the old version.
 *
 * @throws what `next` throws, {DocumentWriteError}, or the system's error. The path has what others put there then; after an
 * error of step 9 alone (`isInFile`), it has the new version.
 */
export function* commit<V extends Version>(
  place: Place,
  folder: Folder,
  options: ReadOptions,
  plan: Plan<V>,
): Work<Committed> {
  let current = yield* plan.read(folder.file);
  let standing: Standing | undefined = current;
  let held: string | undefined; // where an outsider's version lies that came out in step 7, and is `current`
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      const text = yield* plan.next(current);
      if (current !== undefined && text === current.text && held === undefined) {
        if (!plan.synced || !isSame(current.identity, plan.synced)) yield* synced(place, folder, text);
        return { version: current, isWritten: false };
      }
      const { maxBytes } = options;
      if (Buffer.byteLength(text) > maxBytes) {
        const problem = `the new text has more than ${maxBytes} bytes (maxBytes)`;
        throw new DocumentWriteError(place.path, problem, 'Raise maxBytes, or keep less in it');
      }
      plan.onPublish?.();
      const published = yield* publish(place, folder, text, standing, {
        owner: current ?? ownershipIn(folder),
        maxBytes,
        mayReplace: plan.mayReplace,
        secure: () => plan.keeper?.backups.spare(current?.text ?? ''),
      });
      if (published.outcome === 'done') {
        if (current !== undefined) plan.keeper?.keep(current.text);
        for (const path of [published.displaced, held]) if (path !== undefined) unlinkQuietly(path);
        held = undefined;
        steps.reached?.('removed');
        const { mode, uid, gid, links } = current ?? { ...ownershipIn(folder), links: 1 };
        const version = { mode, uid, gid, links, ...published.own };
        const facts = { path: place.given, manager: plan.manager, hash: version.hash };
        try {
          yield* synced(place, folder, text);
        } catch (error) {
          plan.onUnsynced?.(version);
          publishDocumentEvent('written', { ...facts, unsynced: systemCode((error as Error).cause) });
          throw error;
        }
        steps.reached?.('synced');
        if (published.weaker !== undefined) plan.onWeaker?.(published.weaker);
        publishDocumentEvent('written', facts);
        return { version, isWritten: true };
      }
      if (held !== undefined) keepBeside(held, options, plan); // another outsider has replaced what is there
      held = undefined;
      if (published.outcome === 'changed') {
        current = yield* plan.read(folder.file);
        standing = current;
      } else {
        held = published.displaced;
        standing = published.own;
        current = yield* plan.read(held);
        if (current === undefined) throw new UnreadableError(place.path, 'was removed while it was saved');
      }
    }
    throw new DocumentWriteError(
      place.path,
      'another program, which takes no lock, replaces it all the time',
      'Find it (fuser, lsof), have it wait, and save again',
    );
  } catch (error) {
    if (held !== undefined && standing !== undefined) putBack(held, standing, folder, options, plan);
    throw error;
  }
}

/** Step 9 for a text: the names in the directory are on the disk after it. @throws {DocumentWriteError} `isInFile` */
export function* synced({ path }: Place, folder: Folder, text: string): Work<void> {
  const syncNow = () => folder.sync();
  try {
    yield* step(syncNow, async () => (text.length <= SMALL ? syncNow() : folder.syncLater()));
  } catch (error) {
    throw unsynced(path, error);
  }
}

/** What the system refused, in words; other errors say it themselves. */
export function inWords(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || code.startsWith('HOLDFAST_')) return error;
  const { path: at = path, syscall = '' } = error as NodeJS.ErrnoException; // in a directory that may be used by a descriptor
  const about = syscall.startsWith('rename') ? path : join(dirname(path), basename(at));
  return new DocumentWriteError(path, code, adviceOn(about, code, error), error);
}

/**
 * Puts an outsider's version back that cannot be worked with. If yet another one stands there by now, that one is newer,
 * and the first is kept beside.
 */
function putBack(
  held: string,
  own: Standing,
  folder: Folder,
  options: ReadOptions,
  plan: Pick<Plan<Version>, 'keeper'>,
): void {
  let out: string | undefined;
  try {
    out = exchange(held, folder.file);
  } catch {
    moveToFreeName(held, folder.file); // removed in the meantime
    return;
  }
  if (out === undefined) return;
  if (isSameFile(identityOf(lstatSync(out, { bigint: true })), own.identity)) {
    unlinkQuietly(out);
    return;
  }
  const older = exchange(out, folder.file);
  if (older !== undefined) keepBeside(older, options, plan);
}

/** What cannot be kept stays where it is, for the next sweep. */
function keepBeside(path: string, options: ReadOptions, plan: Pick<Plan<Version>, 'keeper'>): void {
  try {
    const version = readVersion(path, options);
    if (version !== undefined) plan.keeper?.secure(version.text, 'interrupted');
  } catch {
    return;
  }
  unlinkQuietly(path);
}
