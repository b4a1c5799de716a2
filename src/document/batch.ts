import { renameSync, unlinkSync } from 'node:fs';
import { ConflictError, InvalidValueError, MissingDocumentError } from '../errors/document-errors.ts';
import { LostError } from '../errors/lock-errors.ts';
import { equal } from '../json/equal.ts';
import type { Json } from '../json/json.ts';
import { lockInHand } from '../lock/last-turn.ts';
import type { Lock } from '../lock/lock.ts';
import { finish, type Progress, run, type Work } from '../lock/work.ts';
import type { Conflict } from '../merge/result.ts';
import { versioned } from './adopt.ts';
import { type Committed, commit, inWords, synced } from './commit.ts';
import { keepConflict } from './conflicts.ts';
import { applied } from './draft.ts';
import type { Listeners } from './events.ts';
import type { Identity } from './file/identity.ts';
import { temporaryName } from './file/names.ts';
import { Folder, type Place } from './file/place.ts';
import type { Weaker } from './file/publish.ts';
import { readVersion, type Version } from './file/version.ts';
import { type Change, placeFor, type Restoration } from './job.ts';
import { Keeper } from './keeper.ts';
import { load, readingOf } from './load.ts';
import { mergedOnto, type Pending, since } from './pending.ts';
import type { Restored } from './recovery/recovery.ts';
import { type Done, noBackup, restore } from './recovery/restore.ts';
import { assertValid, issuesOf } from './schema.ts';
import type { Settings } from './settings.ts';
import { type Loaded, textOf } from './text.ts';
import { PURPOSES, type Site } from './under-lock.ts';

/** A document whose lock is held, with what is at its path. */
type Meeting = Site & { readonly current: Loaded | undefined };

/** What a batch asks of its document, and what it tells it. */
export interface Changes {
  readonly known: () => Loaded | undefined;
  readonly pending: () => Pending | undefined;
  /** A version that others wrote was found at the path. */
  readonly found: (loaded: Loaded) => void;
  /** The file has this version now. `saved`: the edits that are in it; `restored`: it is one of a backup. */
  readonly written: (loaded: Loaded, saved: Pending | undefined, restored?: Restored) => void;
  readonly removed: () => void;
}

/** A place where unsaved edits and the file meet. `invalid`: the two merge, and the result does not fit the schema. */
export type DocumentConflict = Omit<Conflict, 'kind'> & { readonly kind: Conflict['kind'] | 'invalid' };

const DETAILS: Record<Weaker | 'hard-links', string> = {
  'no-exchange':
    'the file system cannot exchange two files, so what another program writes in the last instant before a save can be lost',
  'in-place': 'the file cannot be replaced (it is mounted by itself), so it was overwritten after a backup',
  'other-owner': 'the file has another owner or group now, for this user may not give it the former ones',
  'hard-links': 'the file has several names (hard links); a save replaces the one that was opened',
};
/** Two versions of which no part of one fits the other. */
export function whole(
  kind: DocumentConflict['kind'],
  values: Pick<DocumentConflict, 'base' | 'ours' | 'theirs'>,
): DocumentConflict {
  return { kind, path: [], text: '', ...values };
}

/** Milliseconds that an exiting process waits for a lock. */
const LAST_WAIT = 1_000;

/** Does the changes of a document that wait, all those that came together as one save. */
export class Batch<T> {
  readonly #settings: Settings<T>;
  readonly #changes: Changes;
  readonly #emit: Listeners<T>['emit'];
  readonly #told = new Set<string>();
  #keeper: Keeper | undefined;
  #keeperPath: string | undefined;
  /** What `run` does now. */
  #underWay: { readonly work: Work<void>; readonly progress: Progress } | undefined;
  /** The change whose recipe runs, or whose edits are merged. */
  #current: Change | undefined;
  /** The file that was written, or synced, last. */
  #synced: Identity | undefined;
  /** The one that is done first under the lock. */
  #first: Change | undefined;
  /** A version of this process may be at the path that it does not count as its own yet. */
  isPublishing = false;

  constructor(settings: Settings<T>, changes: Changes, emit: Listeners<T>['emit']) {
    this.#settings = settings;
    this.#changes = changes;
    this.#emit = emit;
  }

  /** Under this lock. Each change is told what became of it. @throws what concerns all that are not over. */
  async run(jobs: readonly Change[], place: Place, lock: Lock): Promise<void> {
    this.#underWay = { work: this.#work(jobs, place, lock), progress: {} };
    try {
      await run(this.#underWay.work, lock, this.#underWay.progress);
    } finally {
      this.#underWay = undefined;
      this.#current = undefined;
      this.isPublishing = false;
    }
  }

  *#work(jobs: readonly Change[], place: Place, lock: Site['lock']): Work<void> {
    let folder: Folder | undefined;
    this.#first = jobs[0];
    try {
      folder = new Folder(place);
      const site = { place, folder, lock };
      if (this.#keeperPath !== place.path) this.keeper(place).sweep(folder, this.reading()); // once for each session
      let together: Change[] = [];
      for (const job of [...jobs, undefined]) {
        if (typeof job?.recipe === 'function' || job?.recipe === 'save') {
          together.push(job);
          continue;
        }
        if (together.length > 0) yield* this.#save(together, site);
        together = [];
        try {
          this.#current = job;
          if (job?.recipe === 'remove') yield* this.#remove(site);
          else if (job !== undefined) yield* this.#restore(job.recipe as Restoration, site);
          job?.done();
        } catch (error) {
          if (job !== undefined && error instanceof LostError) this.#refuse(job, error, lock);
          else job?.failed(inWords(place.path, error));
        }
      }
    } catch (error) {
      throw inWords(place.path, error);
    } finally {
      folder?.close();
    }
  }

  /**
   * The same before it returns, for a process that exits, under a lock that its documents have, or that it can still get. What was
   * begun goes on from the step that is done beside this thread: begun anew, it would count twice where it is at the path by
   * now. Where there is no such step, the exit came out of a recipe or a listener: then the change of that recipe is left out,
   * and all of its batch where they may be at the path.
   */
  finish(begun: readonly Change[], waiting: readonly Change[]): void {
    const { work, progress } = this.#underWay ?? {};
    let jobs = [...begun, ...waiting];
    this.#underWay = undefined; // a later call, out of another listener of the exit, does not go on from there again
    try {
      if (work !== undefined && progress?.step !== undefined) finish(work, progress.step);
      else if (this.isPublishing) jobs = [...waiting];
      else this.#current?.failed(new Error('it exited while this change was worked out'));
    } catch (error) {
      for (const job of begun) job.failed(error);
    }
    jobs = jobs.filter(({ isOver }) => !isOver);
    if (jobs.length === 0) return;
    try {
      const place = placeFor(this.#settings, jobs);
      const under = (lock: Site['lock']) => finish(this.#work(jobs, place, lock));
      const held = lockInHand(place.lock, PURPOSES);
      if (held !== undefined) under(held);
      else this.#settings.locks.withSync({ file: place.path }, { timeout: LAST_WAIT, detached: true }, under);
    } catch (error) {
      for (const job of jobs) job.failed(error);
    }
  }

  keeper(place: Place): Keeper {
    if (this.#keeper === undefined || this.#keeperPath !== place.path) {
      const { backups } = this.#settings;
      this.#keeper = new Keeper(place, backups, (error) => this.#emit('backup-failed', error));
      this.#keeperPath = place.path;
    }
    return this.#keeper;
  }

  /** How its file is read. */
  reading() {
    return { ...readingOf(this.#settings), known: this.#changes.known() };
  }

  *#save(jobs: readonly Change[], site: Site): Work<void> {
    let json: Json = null;
    let saved: Pending | undefined;
    const batch = this;
    function* next(current: Loaded | undefined): Work<string> {
      if (current !== undefined) batch.#met(current);
      const result = yield* batch.#apply(jobs, { ...site, current });
      ({ json, saved } = result);
      return textOf(current, json);
    }
    let committed: Committed;
    try {
      committed = yield* this.commit(site, next, (version) =>
        // What was saved is no change any more, or strategies such as `sum` would count it twice; but it is still to be saved.
        this.#written({ ...version, json }, saved && { ...saved }),
      );
    } catch (error) {
      if (jobs.every(({ isOver }) => isOver)) return; // each was told
      throw error;
    }
    this.#synced = committed.version.identity;
    this.#written({ ...committed.version, json }, saved);
    for (const job of jobs) if (!job.isOver) job.done();
  }

  /** One save, by the protocol, of what `next` makes of what is there. */
  commit(
    { place, folder, lock }: Site,
    next: (current: Loaded | undefined) => Work<string>,
    onUnsynced?: (version: Version) => void,
  ): Work<Committed> {
    const keeper = this.keeper(place);
    const reading = this.reading();
    return commit(place, folder, reading, {
      manager: this.#settings.manager,
      read: (path) => load(path, reading),
      *next(current) {
        if (current?.tooNew !== undefined) throw current.tooNew;
        if (current?.isRaised === true) keeper.secure(current.text, 'migration');
        return yield* next(current);
      },
      mayReplace: () => lock.assertHeld(),
      keeper,
      onWeaker: (weaker) => this.#weaker(weaker),
      onPublish: () => this.#publishing(),
      synced: this.#synced,
      onUnsynced,
    });
  }

  #publishing(): void {
    this.isPublishing = true;
  }

  #written(...version: Parameters<Changes['written']>): void {
    this.#changes.written(...version);
    this.isPublishing = false;
  }

  #met(current: Loaded): void {
    if (current.links > 1) this.#weaker('hard-links');
    if (current.hash !== this.#changes.known()?.hash) this.#changes.found(current);
  }

  #weaker(reason: keyof typeof DETAILS): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#emit('degraded', { reason, detail: DETAILS[reason] });
  }

  /** All changes in their order, each on what the ones before it made. One that fails leaves no trace. */
  *#apply(jobs: readonly Change[], at: Meeting) {
    let json = at.current?.json;
    let saved: Pending | undefined;
    for (const job of jobs) {
      if (job.isOver) continue;
      if (job !== this.#first) at.lock.assertHeld();
      this.#current = job;
      try {
        const pending = job.recipe === 'save' ? this.#changes.pending() : undefined;
        const next =
          job.recipe === 'save'
            ? yield* this.#merged(since(saved, pending), json, at)
            : yield* this.#updated(job, json, at.place);
        at.lock.assertHeld();
        json = next;
        saved = pending ?? saved;
      } catch (error) {
        this.#refuse(job, error, at.lock);
      }
    }
    this.#current = undefined;
    if (json === undefined) throw new MissingDocumentError(this.#settings.path);
    return { json, saved };
  }

  /**
   * A change fails that has held the lock too long by itself: the first one under it. Any other that has no lock any more is
   * tried again, with those behind it. @throws {LostError}
   */
  #refuse(job: Change, error: unknown, lock: Site['lock']): void {
    try {
      lock.assertHeld();
    } catch (lost) {
      if (job !== this.#first || (lost as LostError).reason !== 'hold-limit') throw lost;
    }
    job.failed(error);
  }

  *#updated(job: Change, json: Json | undefined, place: Place): Work<Json> {
    const from = json === undefined ? this.#settings.create?.() : json; // which may be null
    if (from === undefined) throw new MissingDocumentError(this.#settings.path);
    const changed = versioned(this.#settings, yield* applied(job.recipe as never, from, place.path));
    if (!equal(changed, json)) yield* assertValid(this.#settings, changed);
    return changed;
  }

  *#merged(pending: Pending | undefined, json: Json | undefined, at: Meeting): Work<Json> {
    const { create, path } = this.#settings;
    if (pending === undefined) {
      if (json === undefined) throw new MissingDocumentError(path);
      return json;
    }
    if (json === undefined && create === undefined) {
      const conflict = whole('edit-delete', { base: pending.base.json, ours: pending.json });
      throw this.#conflict([conflict], pending, at);
    }
    const { value: merged, conflicts } = mergedOnto(pending, json, this.#settings);
    if (conflicts.length > 0) throw this.#conflict(conflicts, pending, at);
    const value = versioned(this.#settings, merged);
    const issues = yield* issuesOf(this.#settings, value);
    if (issues.length === 0) return value;
    const own = yield* issuesOf(this.#settings, pending.json);
    if (own.length > 0) throw new InvalidValueError(path, own);
    const invalid = whole('invalid', { ours: pending.json, theirs: json });
    throw this.#conflict([invalid], pending, at);
  }

  *#restore(asked: Restoration, site: Site): Work<void> {
    const isRestored = ({ loaded, restored }: Done) => {
      asked.restored = restored;
      this.#written(loaded, undefined, restored);
    };
    const done = yield* restore(
      {
        ...site,
        settings: this.#settings as Settings<unknown>,
        onPublish: () => this.#publishing(),
        onWeaker: (weaker) => this.#weaker(weaker),
        onUnsynced: isRestored,
      },
      { ...asked, lastKnown: this.#changes.known()?.text },
    );
    if (done === undefined) throw noBackup(this.#settings.path, asked.backup);
    isRestored(done);
  }

  #conflict(conflicts: readonly DocumentConflict[], { base, json }: Pending, at: Meeting): ConflictError {
    let file: string | undefined;
    let cause: unknown;
    try {
      const facts = {
        base: base.text,
        theirs: at.current?.hash,
        reason: 'a save met changes of another program',
        isInvalid: conflicts[0]?.kind === 'invalid',
        merge: this.#settings.mergeOptions,
      };
      file = keepConflict(at.folder.path, at.place.name, textOf(base as Loaded, json), facts);
      this.keeper(at.place).limitConflicts(at.folder);
    } catch (error) {
      cause = error; // the edits are in memory alone, and the conflict says so
    }
    const error = new ConflictError(this.#settings.path, conflicts, file, cause);
    this.#emit('conflict', error);
    return error;
  }

  /**
   * Deletes the file. An outsider may replace it meanwhile, so it is moved away first:
   *  1. A backup. Dying here leaves both. 2. Rename to a fresh name, which the next holder sweeps.
   *  3. What was moved is not what was backed up: that gets a backup too. 4. Remove it, and sync the directory.
   */
  *#remove({ place, folder, lock }: Site): Work<void> {
    const before = readVersion(folder.file, this.reading());
    if (before !== undefined) {
      this.keeper(place).secure(before.text, 'delete');
      lock.assertHeld();
      const aside = folder.pathOf(temporaryName(place.name));
      renameSync(folder.file, aside);
      const moved = readVersion(aside, this.reading());
      if (moved !== undefined && moved.hash !== before.hash) {
        this.keeper(place).secure(moved.text, 'interrupted');
      }
      unlinkSync(aside);
    }
    yield* synced(place, folder, ''); // also where another try, or program, has failed at it
    this.#changes.removed();
  }
}
