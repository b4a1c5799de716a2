import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, lstatSync, openSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import type { Work } from '../../lock/work.ts';
import { exchange, moveToFreeName } from '../../storage/exchange/index.ts';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { unlinkQuietly } from '../../storage/fs/quietly.ts';
import { isMountedAlone, replaceSync } from '../../storage/replace/index.ts';
import { type Ownership, writeAll, writeFresh } from './fresh.ts';
import { identityOf, isRacy, isSame, isSameFile } from './identity.ts';
import { temporaryName } from './names.ts';
import type { Folder, Place } from './place.ts';
import { hashOf, identityAt, readBytes, type Standing } from './version.ts';

export type Published =
  /** The text is at the path. What stood there lies at `displaced`, if it was kept, and is what was expected. */
  | {
      readonly outcome: 'done';
      readonly own: Standing;
      readonly displaced?: string | undefined;
      readonly weaker?: Weaker | undefined;
    }
  /** Something else stood at the path. Nothing was changed. */
  | { readonly outcome: 'changed' }
  /** The text is at the path, and what it displaced, which lies at `displaced`, is not what was expected. */
  | { readonly outcome: 'overtaken'; readonly own: Standing; readonly displaced: string };

/** `no-exchange`: what was replaced could not be looked at. `in-place`: the file could not be replaced, and was overwritten. */
export type Weaker = 'no-exchange' | 'in-place' | 'other-owner';

export interface PublishOptions {
  readonly owner: Ownership;
  readonly maxBytes: number;
  /** Last thing before the file at the path changes; throws where it must not. */
  readonly mayReplace: () => void;
  /**
   * Keeps what stands at the path, synced, before it is overwritten in place; throws where it cannot be kept. What it returns
   * gives that up, once the new text is on the disk.
   */
  readonly secure: () => (() => void) | undefined;
}

/** The steps of the protocol that can be seen from outside. */
export type StepName = 'before-fresh' | 'fresh' | 'checked' | 'exchanged' | 'looked' | 'removed' | 'synced';

/** The seam through which tests act between two steps. */
export const steps: { reached?: ((name: StepName) => void) | undefined } = {};

/**
 * Steps 4 to 7 of a save (see `commit`): puts a text at the path of a document, for who holds its lock. `expected` is
 * what was read at the path, or undefined where there was nothing.
 *
 * @throws the system's error. The path is as it was then, and nothing is left beside it; but for an error of the
 * overwriting in place, after which the file may be torn and `secure` has kept what it was.
 */
export function* publish(
  place: Place,
  folder: Folder,
  text: string,
  expected: Standing | undefined,
  options: PublishOptions,
): Work<Published> {
  steps.reached?.('before-fresh');
  const fresh = yield* writeFresh(folder, temporaryName(place.name), text, options.owner);
  const own = { text, hash: hashOf(text), identity: fresh.identity };
  steps.reached?.('fresh');
  let displaced: string | undefined;
  try {
    if (!isAt(folder.file, place.path, expected)) {
      unlinkQuietly(fresh.path);
      return { outcome: 'changed' };
    }
    steps.reached?.('checked');
    options.mayReplace();
    displaced = replace(fresh.path, folder.file, expected);
  } catch (error) {
    unlinkQuietly(fresh.path);
    const code = systemCode(error) ?? '';
    if (code === 'ENOENT' || code === 'EEXIST') return { outcome: 'changed' };
    if (!isMountedAlone(code) || expected === undefined) throw error;
    const giveUp = options.secure();
    const published = overwrite(folder, place, text, expected);
    giveUp?.();
    return published;
  }
  steps.reached?.('exchanged');
  const standing = settled(folder.file, own);
  const weaker = fresh.isForeign ? 'other-owner' : undefined;
  if (expected === undefined) return { outcome: 'done', own: standing, weaker };
  if (displaced === undefined) return { outcome: 'done', own: standing, weaker: 'no-exchange' };
  if (!isExpected(displaced, expected, place.path, options.maxBytes)) {
    return { outcome: 'overtaken', own: standing, displaced };
  }
  steps.reached?.('looked');
  return { outcome: 'done', own: standing, displaced, weaker };
}

/** Returns where the file lies now that stood at the path; undefined where there was none, or it was not kept. */
function replace(fresh: string, file: string, expected: Standing | undefined): string | undefined {
  if (expected === undefined) {
    moveToFreeName(fresh, file);
    return undefined;
  }
  const displaced = exchange(fresh, file);
  if (displaced === undefined) replaceSync(fresh, file);
  return displaced;
}

function isAt(file: string, shown: string, expected: Standing | undefined): boolean {
  const found = identityAt(file, shown);
  if (found === undefined || expected === undefined) return found === expected;
  return isSame(found, expected.identity);
}

/** The identity of the own version at the path: a rename has changed its ctime. */
function settled(file: string, own: Standing): Standing {
  const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || !isSameFile(identityOf(stats), own.identity)) return own; // somebody was there since
  return { ...own, identity: identityOf(stats) };
}

/** Whether the displaced file is the version that was to be replaced. Its ctime tells nothing: it was renamed. */
function isExpected(displaced: string, expected: Standing, shown: string, maxBytes: number): boolean {
  try {
    if (!isRacy(expected.identity))
      return isSameFile(identityOf(lstatSync(displaced, { bigint: true })), expected.identity);
    const found = readBytes(displaced, { shown, maxBytes, known: expected });
    return found?.hash === expected.hash && isSameFile(found.identity, expected.identity);
  } catch {
    return false;
  }
}

/**
 * For a file that cannot be replaced, as one that is mounted by itself. Dying in here can leave it torn: what it was has
 * been secured before. The descriptor is of the very file that was looked at.
 */
function overwrite({ file }: Folder, place: Place, text: string, expected: Standing): Published {
  const fd = openSync(file, constants.O_WRONLY | SAFELY);
  try {
    if (!isSame(identityOf(fstatSync(fd, { bigint: true })), expected.identity)) {
      return { outcome: 'changed' };
    }
    const bytes = Buffer.from(text);
    writeAll(fd, bytes);
    ftruncateSync(fd, bytes.length);
    fsyncSync(fd);
    const identity = identityAt(file, place.path) ?? identityOf(fstatSync(fd, { bigint: true }));
    return { outcome: 'done', own: { text, hash: hashOf(bytes), identity }, weaker: 'in-place' };
  } finally {
    closeSync(fd);
  }
}
