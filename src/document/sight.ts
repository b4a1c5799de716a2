import { statSync } from 'node:fs';
import { DamagedError, UnreadableError } from '../errors/document-errors.ts';
import { InputError } from '../errors/input-error.ts';
import { run } from '../lock/work.ts';
import { performance } from '../time/time.ts';
import { identityOf, isRacy, isSame } from './file/identity.ts';
import { placeOf } from './file/place.ts';
import { identityAt } from './file/version.ts';
import { type LoadOptions, load, loadNow } from './load.ts';
import type { Loaded } from './text.ts';
import { Absence } from './watch/absence.ts';
import { type FileWatch, type WatchOptions, watchFile } from './watch/watch-file.ts';

/** Whose file is looked at. */
export interface Seer extends WatchOptions {
  readonly loading: () => LoadOptions;
  readonly known: () => Loaded | undefined;
  /** A version was found at the path: another one than is known, or the same. */
  readonly take: (loaded: Loaded) => void;
  /** How many saves of one's own there were. */
  readonly saves: () => number;
  /** A version of this process may be at the path that it does not count as its own yet. */
  readonly isPublishing: () => boolean;
  /** Resolves when no save is under way. */
  readonly idle: () => Promise<void>;
  readonly onMissing: () => void;
  /** Told once for each problem. */
  readonly onDamaged: (error: DamagedError | UnreadableError) => void;
  /** The damage has stood for a second: nobody is in the middle of writing. Tried again after twice that time. */
  readonly onStanding: () => Promise<unknown>;
}

/** Milliseconds. */
const STANDING = 1_000;

interface Damage {
  readonly problem: string;
  /** Of the file that has it. */
  readonly file: string;
  since: number;
  patience: number;
}

const CIRCLE = 'cannot be looked at: its links lead in a circle';

/** What a schema throws, and a path that leads nowhere, say nothing of the file, so nothing is restored over it. */
function inWords(error: unknown, path: string): DamagedError | UnreadableError {
  if (error instanceof DamagedError || error instanceof UnreadableError) return error;
  const problem = error instanceof InputError ? CIRCLE : 'cannot be checked: its schema failed';
  return new UnreadableError(path, problem, error);
}

/** Also where nobody can tell. `path`: of the file itself; `given`: with links. */
function leadsTo(path: string, given: string): boolean {
  try {
    return placeOf(given).path === path;
  } catch {
    return true;
  }
}

/** Sees what is at the path of a document, and in which state it is. */
export class Sight {
  readonly #path: string;
  readonly #seer: Seer;
  readonly #watch: FileWatch;
  readonly #absence: Absence;
  #damage: Damage | undefined;
  #isMissing = false;
  #isClosed = false;

  constructor(path: string, seer: Seer) {
    this.#path = path;
    this.#seer = seer;
    this.#absence = new Absence(
      () => this.#watch.look(),
      () => {
        this.#isMissing = true;
        seer.onMissing();
      },
    );
    this.#watch = watchFile(path, () => this.#look(), seer);
  }

  /** Five microseconds: the identity of the file. A version that is new is read at once if it is whole. */
  glance(): void {
    try {
      const stats = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
      const known = this.#seer.known()?.identity;
      if (stats !== undefined && known !== undefined) {
        const found = identityOf(stats, known.recordedAt);
        if (isSame(found, known) && !isRacy(known)) return;
      }
      const loaded =
        stats === undefined ? undefined : loadNow(placeOf(this.#path).path, this.#seer.loading());
      if (loaded !== undefined) this.#seer.take(loaded);
      else this.#watch.look();
    } catch {
      this.#watch.look(); // which tells, once it is sure
    }
  }

  /** The file is whole; returns whether that is news, for it was told to be damaged or missing. */
  isWholeAgain(): boolean {
    const isNews = this.#damage !== undefined || this.#isMissing;
    this.#damage = undefined;
    this.#isMissing = false;
    return isNews;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.close();
    this.#absence.close();
  }

  /**
   * Finds out what the file has now, and whose it is: the decision needs no time windows.
   *
   *  1. During a save of one's own, the version at the path may be that save's: the look waits until it is over.
   *  2. A save that was made during the look has seen a later version than the look: it starts over.
   *  3. The hash of the newest own version is the same version: touched or not. Any other one is external, also an
   *     older own one, which somebody has put back.
   *  4. What goes wrong where the path does not lead any more is no damage: a link was put there meanwhile, and is followed.
   */
  async #look(): Promise<void> {
    const { isPublishing, idle, saves, known, loading, take } = this.#seer;
    if (this.#isClosed) return;
    if (isPublishing()) await idle();
    const before = saves();
    let loaded: Loaded | undefined;
    let file = '';
    let path = '';
    try {
      ({ path } = placeOf(this.#path));
      const found = identityAt(path, this.#path);
      const own = known()?.identity;
      if (found !== undefined && own !== undefined && isSame(found, own) && !isRacy(own)) {
        this.#absence.note('file');
        const version = known();
        if (version !== undefined) take(version);
        return;
      }
      file = found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`;
      loaded = await run(load(path, loading()));
    } catch (error) {
      if (this.#isClosed || before !== saves()) return;
      if (leadsTo(path, this.#path)) this.#harmed(inWords(error, this.#path), file);
      else this.#watch.look();
      return;
    }
    if (this.#isClosed) return;
    if (isPublishing() || before !== saves()) return this.#look();
    this.#absence.note(loaded === undefined && known() !== undefined ? 'nothing' : 'file');
    if (loaded !== undefined) take(loaded);
  }

  #harmed(error: DamagedError | UnreadableError, file: string): void {
    const before = this.#damage;
    const now = performance.now();
    const problem = String(error.message);
    if (before?.problem !== problem || before.file !== file) {
      this.#damage = { problem, file, since: now, patience: STANDING };
      if (before?.problem !== problem) this.#seer.onDamaged(error);
      return;
    }
    if (!(error instanceof DamagedError) || now - before.since < before.patience) return;
    before.since = now;
    before.patience *= 2;
    this.#seer.onStanding().catch(() => {}); // the damage was told, and nothing else came of it
  }
}
