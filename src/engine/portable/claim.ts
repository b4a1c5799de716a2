import {
  type BigIntStats,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { READ_SAFELY } from '../../storage/fs/open-flags.ts';
import { pinned } from '../../storage/fs/pinned.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import { outlastUse } from '../../storage/replace/index.ts';
import { Date } from '../../time/time.ts';
import type { LockRequest } from '../engine.ts';
import { makeBeside, patiently } from '../file/make.ts';
import { rightsOf } from '../file/rights.ts';
import { CLAIM_FILE } from '../signature.ts';
import { isCopy } from './copy.ts';
import { failure } from './failure.ts';
import {
  persistently,
  removeClaimDirectory,
  removeDirectoryWhole,
  removeQuietly,
  writeNew,
} from './files.ts';
import { errorOf, type FoundClaim, look } from './look.ts';
import { makeQueue, type Place } from './place.ts';
import { type ClaimRecord, formatRecord, newToken } from './record.ts';
import type { LayoutName } from './settings.ts';
import { refuseAway, refuseOther, type Whereabouts } from './whereabouts.ts';

const ATTEMPTS = 20;
/** Milliseconds. */
const FRESH = 1000;

/** The errors by which each layout's call says that the path is taken. */
const TAKEN = ['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR'];

/**
 * One claim of this process: written in private, whole, known to the disk, and only then shown to others by one call that
 * fails where something stands already. So nobody ever sees half a claim, nor can two stand at one path.
 *
 * Trace (P publishes a claim with token T at path L):
 *  1. P writes and syncs `new.T`. Dying here leaves litter that nobody takes for a claim.
 *  2. P links (file) or renames (directory) it to L. The file system lets one such call succeed.
 *  3. The call fails, but went through: the server did it and its answer was lost. The link count of `new.T`, or L
 *     itself, which then carries T, tells.
 *  4. P gives up: it removes `new.T` first, so that a call still under way finds nothing to show. Then it gives T back
 *     as if it stood at L, by `removeOwn`, which looks.
 *  A power loss after 2 leaves L whole, or not there, because 1 was synced before.
 */
export class Claim {
  readonly record: ClaimRecord;
  readonly #request: LockRequest;
  readonly #place: Place;
  readonly #layout: LayoutName;
  /** The file that it was written in, which it stays. */
  readonly #written: BigIntStats;
  /** The queue directory that it was written in. */
  readonly #home: Whereabouts | undefined;
  /** Where it stands, or may stand; undefined while it is private. */
  #path: string | undefined;

  private constructor(
    request: LockRequest,
    place: Place,
    layout: LayoutName,
    record: ClaimRecord,
    { written, home }: Origin,
  ) {
    this.#request = request;
    this.#place = place;
    this.#layout = layout;
    this.record = record;
    this.#written = written;
    this.#home = home;
  }

  /** Step 1. @throws {UnwritableError} @throws {ExhaustedError} @throws {RefusedError} */
  static prepare(request: LockRequest, place: Place, layout: LayoutName, record: ClaimRecord): Claim {
    const path = place.privatePath(record.token);
    for (let attempt = 1; ; attempt++) {
      const home = makeQueue(request, place, attempt === 1 ? 'as seen' : 'for certain');
      try {
        const written = patiently(
          place.queue,
          () => write(request, path, layout, record),
          () => rightsOf(request).directory,
        );
        return new Claim(request, place, layout, record, { written, home });
      } catch (error) {
        discard(path, layout, place);
        if (systemCode(error) === 'ENOENT' && attempt < ATTEMPTS) continue; // the last one out removed the directory
        throw failure(request, error);
      }
    }
  }

  /** Whether its record is old enough to tell a wrong time of the grant, had it waited to be published. */
  get isStale(): boolean {
    return this.#path === undefined && Math.abs(Date.now() - Date.parse(this.record.since)) > FRESH;
  }

  get token(): string {
    return this.record.token;
  }

  /** Where it stands, or may stand after an error; undefined while nobody can see it. */
  get path(): string | undefined {
    return this.#path;
  }

  /** The file with its record. */
  get file(): string | undefined {
    return this.#path === undefined || this.#layout === 'file' ? this.#path : join(this.#path, CLAIM_FILE);
  }

  /**
   * Steps 2 and 3. `taken`: something stands there; the claim can be published later. `gone`: the directory it was to go
   * to is not there, or somebody cleared the private claim away.
   *
   * @throws what `prepare` throws; the claim may stand there all the same, and is to be given back.
   */
  publish(path: string): 'published' | 'taken' | 'gone' {
    const own = this.#place.privatePath(this.token);
    const links = this.#layout === 'file' ? linksOf(own) : 0;
    try {
      return outlastUse(() => this.#show(own, path, links));
    } catch (error) {
      discard(own, this.#layout, this.#place); // step 4
      this.#path = path;
      throw failure(this.#request, error, this.#layout);
    }
  }

  #show(own: string, path: string, links: number): 'published' | 'taken' | 'gone' {
    try {
      if (this.#layout === 'file') linkSync(own, path);
      else renameSync(own, path);
    } catch (error) {
      if (!this.#wentThrough(path, own, links)) {
        const code = systemCode(error) ?? '';
        if (TAKEN.includes(code) || this.#isRefusedFor(path, code)) return 'taken';
        if (code === 'ENOENT') return 'gone';
        throw error;
      }
    }
    if (this.#layout === 'file') removeQuietly(own);
    this.#path = path;
    return 'published';
  }

  #wentThrough(path: string, own: string, links: number): boolean {
    if (this.#layout === 'file' && links > 0 && linksOf(own) > links) return true;
    return this.#standsAt(path);
  }

  /** Windows does not say why a directory cannot be renamed to another's name; one that was there may be gone since. */
  #isRefusedFor(path: string, code: string): boolean {
    const refused = this.#layout === 'directory' && (code === 'EPERM' || code === 'EACCES');
    return refused && look(path).kind !== 'nothing';
  }

  #standsAt(path: string): boolean {
    const found = look(path);
    if (found.kind === 'unreadable' && isExhaustion(found.code)) return this.#isUntouched();
    return found.kind === 'claim' && found.token === this.token && !isCopy(found);
  }

  /** The same by what can be seen without a descriptor, for there is none: the file that was made for it is there. */
  #isUntouched(): boolean {
    const { dev, ino, birthtimeNs } = this.#written;
    try {
      const found = lstatSync(this.file ?? '', { bigint: true });
      return found.dev === dev && found.ino === ino && found.birthtimeNs === birthtimeNs && birthtimeNs > 0n;
    } catch {
      return false;
    }
  }

  /** Whether others still find it where it was published, and not a copy of it, which others may remove. */
  isIntact(): boolean {
    return this.#path !== undefined && this.#standsAt(this.#path);
  }

  /** Gives a sign of life; false when it is not there any more. */
  beat(): boolean {
    const { file } = this;
    if (this.#path === undefined || file === undefined) return false;
    const found = look(this.#path);
    // One that was damaged is touched as well, so that nobody takes it for nobody's.
    if (found.kind !== 'claim' || (found.record !== undefined && found.token !== this.token)) return false;
    try {
      const fd = openSync(file, READ_SAFELY);
      try {
        const last = fstatSync(fd).mtimeMs;
        const now = Math.max(Date.now(), last + 1) / 1000; // a counter, whatever the clock does
        futimesSync(fd, now, now);
      } finally {
        closeQuietly(fd);
      }
      return true;
    } catch {
      return false; // the next beat may be seen
    }
  }

  /**
   * Removes it from where it stands, and only if it is still this very claim. For who has the right to it: see `removeOwn`.
   * False when it did not stand there any more. @throws when the system refuses. @throws {AwayError}
   */
  remove(): boolean {
    const { token } = this;
    let stood = true;
    if (this.#path === undefined) discard(this.#place.privatePath(token), this.#layout, this.#place);
    else stood = removeClaim({ path: this.#path, token, layout: this.#layout }, this.#place);
    if (!stood) this.refuseAway();
    else refuseOther(this.#home);
    this.#path = undefined;
    return stood;
  }

  /** @throws {AwayError} it may stand all the same, in a directory that is away. */
  refuseAway(): void {
    refuseAway(this.#home);
  }
}

/**
 * Removes a claim from its path at once, as a whole. For who has the right to remove it. False when it did not stand there.
 *
 * Before each try, also after an error that passes, it is looked whether the claim is still there: an error may be all that
 * is left of the answer to a removal that went through, and the next claim may stand at the path since.
 *
 * A directory is moved aside before it is taken apart: emptied in place it would let the next claim replace it, and a
 * crash would leave an empty directory that says nothing.
 *
 * @throws when the system refuses to remove it, or to tell what stands there.
 */
export function removeClaim(
  { path, token, layout }: Pick<FoundClaim, 'path' | 'token' | 'layout'>,
  place: Place,
): boolean {
  const aside = layout === 'file' ? undefined : place.gonePath(newToken());
  let stood = false;
  try {
    // What root looks at and what it removes are in one directory, whatever its owner does meanwhile.
    const removeOnce = (directory: string) => {
      const here = join(directory, basename(path));
      const found = look(here);
      if (found.kind === 'unreadable') throw errorOf(found);
      if (found.kind !== 'claim' || found.token !== token) return;
      stood = true;
      if (aside === undefined) unlinkSync(here);
      else renameSync(here, aside);
    };
    outlastUse(() => persistently(() => pinned(dirname(path), { link: 'followed' }, removeOnce)));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  if (aside !== undefined) removeClaimDirectory(aside);
  return stood;
}

/** How a claim came to be. */
interface Origin {
  readonly written: BigIntStats;
  readonly home: Whereabouts | undefined;
}

/** A claim at its private path. @throws the system's error. */
function write(request: LockRequest, path: string, layout: LayoutName, record: ClaimRecord): BigIntStats {
  if (layout === 'directory') makeBeside(request, path);
  const file = layout === 'directory' ? join(path, CLAIM_FILE) : path;
  return writeNew(file, (own) => formatRecord({ ...record, file: own }), request, 'durable');
}

/** Of a private claim. A directory goes as a whole, so that a call still under way never publishes a half of it. */
function discard(path: string, layout: LayoutName, place: Place): void {
  if (layout === 'file') removeQuietly(path);
  else removeDirectoryWhole(path, place.gonePath(newToken()));
}

function linksOf(path: string): number {
  return statOrNothing(path)?.nlink ?? 0;
}
