import { ConflictError, DocumentStateError, MissingDocumentError } from '../errors/document-errors.ts';
import { publishDocumentEvent } from '../events/document-channel.ts';
import { tellDropped } from '../events/dropped.ts';
import { equal } from '../json/equal.ts';
import type { Json } from '../json/json.ts';
import { atOnce } from '../lock/body.ts';
import { after } from '../lock/deadline.ts';
import { checkKinds, oneOf } from '../lock/known-options.ts';
import { finish, run } from '../lock/work.ts';
import { Date, queueMicrotask } from '../time/time.ts';
import { versioned } from './adopt.ts';
import type { Backup } from './backups/backups.ts';
import { Batch, type Changes } from './batch.ts';
import { applied, checkRecipe, frozen, type Now, type Recipe, refuseInRecipe } from './draft.ts';
import { type DocumentEventName, type DocumentEvents, Listeners, log } from './events.ts';
import { whenExiting } from './exit.ts';
import { placeOf, standingPlaceOf } from './file/place.ts';
import { type Change, change, placeFor, type Restoration } from './job.ts';
import { load } from './load.ts';
import { mergedOnto, owe, type Pending, rebased, since } from './pending.ts';
import type { Restored } from './recovery/recovery.ts';
import type { Settings } from './settings.ts';
import { Sight } from './sight.ts';
import type { Loaded } from './text.ts';
import { Writer, withChoices } from './writer.ts';

const RELOAD_OPTIONS = { edits: oneOf('keep', 'drop') };

/**
 * A JSON file that several windows, processes and people change. Comes from `openDocument`.
 *
 * Guaranteed among programs that use it: no confirmed change is lost, each change is on the disk before its promise
 * resolves, and `read()` never gives a part of one. What other programs write is merged, or kept beside. Not guaranteed:
 * what another program writes through a descriptor that it opened before a save, as with any file that is replaced; and,
 * where the system cannot exchange two files, what it writes in the last instant before one (`degraded`).
 */
export class Document<T> {
  readonly #settings: Settings<T>;
  readonly #listeners = new Listeners<T>();
  readonly #writer: Writer<Change>;
  readonly #batch: Batch<T>;
  readonly #sight: Sight;
  readonly #forget: () => void;
  /** The newest version that was read or written here. */
  #known: Loaded | undefined;
  /** What `read` gives where nothing is unsaved. */
  #shown: { readonly loaded: Loaded; readonly json: Json; readonly value: T } | undefined;
  #pending: (Pending & { readonly value: T }) | undefined;
  /** The save that waits for more edits. */
  #saving: { readonly outcome: Promise<T>; readonly begin: () => void } | undefined;
  /** The save that was begun last. */
  #lastSave: { readonly job: Change; readonly outcome: Promise<unknown> } | undefined;
  /** Rises with each own save, for looks that were overtaken by one. */
  #saves = 0;
  #closing: Promise<void> | undefined;
  #isExiting = false; // what a listener of the exit asks for is done before it returns, or never

  /** Not for callers: documents come from `openDocument`. */
  constructor(settings: Settings<T>, loaded: Loaded) {
    this.#settings = settings;
    this.#known = loaded;
    this.#show(loaded);
    const { locks, timeout, holdLimit } = settings;
    const emit: Listeners<T>['emit'] = (name, event) => this.#emit(name, event);
    const changes: Changes = {
      known: () => this.#known,
      pending: () => this.#pending,
      found: (loaded) => this.#take(loaded),
      written: (loaded, saved, restored) => this.#written(loaded, saved, restored),
      removed: () => this.#removed(),
    };
    this.#batch = new Batch(settings, changes, emit);
    this.#writer = new Writer<Change>(
      {
        placeOf: (jobs) => placeFor(settings, jobs),
        ...{ locks, timeout, holdLimit, onWaiting: (event) => emit('waiting', event) },
      },
      (jobs, lock, place) => this.#batch.run(jobs, place, lock),
    );
    this.#sight = new Sight(settings.path, {
      loading: () => this.#batch.reading(),
      known: () => this.#known,
      take: (loaded) => this.#take(loaded),
      saves: () => this.#saves,
      isPublishing: () => this.#batch.isPublishing,
      idle: () => this.#writer.idle(),
      onMissing: () => emit('missing', { path: settings.path }),
      onDamaged: (error) => emit('damaged', error),
      onDegraded: (event) => emit('degraded', event),
      onStanding: async () => {
        if (settings.recover === 'auto' && !settings.readOnly) await this.#restore({ only: 'damage' });
      },
    });
    const farewell = { leaving: () => this.#flush(), exiting: () => this.#flushNow() };
    this.#forget = whenExiting(this.#writer, farewell);
  }

  /** As it was opened. */
  get path(): string {
    return this.#settings.path;
  }

  /** What was restored when the document was opened, with `recover: 'auto'`. */
  get restored(): Restored | undefined {
    return this.#settings.restored;
  }

  /** Whether edits are not saved yet. */
  get hasUnsaved(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * The value, frozen: unsaved edits, or the newest version. Takes no lock, for a version that was published by a rename is
   * whole at every instant: one path leads to one file, which is never written again, and a reader that has opened it keeps it.
   * A shared lock would order reads among saves; a look at the identity of the file does that as well: what another
   * process was told to be saved before this call is what this call gives.
   *
   * @throws {MissingDocumentError} after `remove()`. @throws {DocumentStateError} it is closed.
   */
  read(): T {
    if (this.#closing !== undefined) throw new DocumentStateError(this.path, 'closed');
    if (this.#pending !== undefined) return this.#pending.value;
    if (this.#settings.follow === 'auto' && !this.#batch.isPublishing) this.#sight.glance();
    if (this.#shown === undefined) throw new MissingDocumentError(this.path);
    return this.#shown.value;
  }

  /**
   * Changes the document: `recipe` gets a draft of what is in the file, under its exclusive lock, and changes it in place or
   * returns a new value. Resolves with the new value once it is on the disk. Updates that are issued together are one
   * write, in their order; one that throws rejects by itself.
   *
   * A recipe may run several times for one update: when a program without the lock was faster, or the lock was lost before
   * anything was written, but not by this recipe alone. Each run gets a fresh draft, of what is in the file by then, and finds
   * nothing of what the run before it changed. Only the last run is written. So a recipe decides by its draft, and does nothing
   * else that counts twice, such as sending a message.
   *
   * @throws {DocumentTimeoutError} the lock was not free in time; its `retry`, `later` and `cancel` say what becomes of it.
   * @throws {InvalidValueError | InputError} the new value does not fit. @throws {SchemaTimeoutError} its schema never answers.
   * @throws {LostError} the recipe held the lock longer than `holdLimit`. @throws {DocumentWriteError} with its cause.
   * @throws {DamagedError | MissingDocumentError | SchemaTooNewError | DocumentStateError}
   */
  async update(recipe: Recipe<T>): Promise<T> {
    this.#mayChange();
    checkRecipe(recipe); // what is no function names other changes, in here
    return this.#change(recipe as unknown as Recipe<never>);
  }

  /** Changes the value in memory, for `save` to write. The recipe runs at once. Throws as `update` does. */
  edit(recipe: (draft: T) => Now<T>): T {
    this.#mayChange();
    checkRecipe(recipe);
    const base = this.#pending?.base ?? this.#shown?.loaded; // what the caller saw, not what came since
    if (base === undefined) throw new MissingDocumentError(this.path);
    const from = this.#pending === undefined ? base.json : this.#pending.json;
    const now = (draft: T) => atOnce(recipe(draft), 'recipe', 'update takes one that is');
    const json = versioned(this.#settings, finish(applied(now, from, this.path)));
    this.#pend({ base, json, owed: this.#pending?.owed });
    return this.read();
  }

  /**
   * Writes the unsaved edits, merged with what others wrote meanwhile. Calls within the `debounce` are one write, and
   * settle with it.
   *
   * @throws {ConflictError} others changed the same places: nothing is written, and the edits are kept. Throws as `update` does.
   */
  async save(): Promise<T> {
    this.#mayChange();
    if (this.#saving !== undefined) return this.#saving.outcome;
    if (this.#pending === undefined) return this.read();
    if (this.#settings.debounce === 0 || this.#isExiting) return this.#change('save');
    let begin: () => void = () => {};
    const outcome = new Promise<T>((resolve) => {
      const stopTimer = after(this.#settings.debounce, () => this.#flush(), 'background');
      begin = () => {
        stopTimer();
        resolve(this.#change('save'));
      };
    });
    outcome.catch(() => {}); // whoever asked for it is told
    this.#saving = { outcome, begin };
    return outcome;
  }

  /**
   * Takes in what is in the file, once what is to be saved was written. `edits: 'keep'` (default) merges unsaved edits with
   * it; `drop` forgets them.
   *
   * @throws {ConflictError} the edits cannot be merged, and everything is as before. @throws {DamagedError | MissingDocumentError}
   */
  async reload(options: { readonly edits?: 'keep' | 'drop' | undefined } = {}): Promise<T> {
    this.#mayLook();
    checkKinds(options, RELOAD_OPTIONS);
    let loaded: Loaded | undefined;
    let saves: number;
    this.#flush();
    do {
      await this.#writer.idle();
      saves = this.#saves;
      loaded = await run(load(placeOf(this.path).path, this.#batch.reading()));
    } while (saves !== this.#saves || !this.#writer.isIdle);
    if (loaded === undefined) throw new MissingDocumentError(this.path);
    if (options.edits === 'drop') this.#pending = undefined;
    if (this.#pending !== undefined) {
      const { value, conflicts } = mergedOnto(this.#pending, loaded.json, this.#settings);
      if (conflicts.length > 0) throw new ConflictError(this.path, conflicts, undefined);
      this.#pend({ base: loaded, json: value, owed: this.#pending.owed });
    }
    this.#take(loaded);
    this.#show(loaded, 'external');
    return this.read();
  }

  /** Deletes the file, after what is to be saved was written and a backup, under its lock. @throws {DocumentTimeoutError | DocumentWriteError} */
  async remove(): Promise<void> {
    this.#mayChange();
    this.#flush();
    await this.#change('remove').catch((error) => {
      if (!(error instanceof MissingDocumentError)) throw error;
      this.#removed(); // with its directory
    });
  }

  /** The backups there are, the newest first, whole or not, for `restore`. @throws {MissingDocumentError} their directory is gone. */
  backups(): readonly Backup[] {
    this.#mayLook();
    return this.#batch.keeper(standingPlaceOf(this.path)).backups.list();
  }

  /**
   * Has a backup take the place of what is in the file, whole, damaged or missing: the one of this name, or the newest one
   * that is whole and says something else. What is there is kept first. Unsaved edits stay, on top of it if they merge.
   *
   * @throws {InputError} there is no such backup, or it is not whole: nothing was done. Throws as `update` does.
   */
  async restore(backup?: string): Promise<Restored> {
    this.#mayChange();
    return this.#restore({ backup });
  }

  #restore(restoration: Restoration): Promise<Restored> {
    return this.#change(restoration, undefined, () => restoration.restored as Restored);
  }

  /** Listens to one kind of event; returns the function that stops it. */
  on<N extends DocumentEventName>(name: N, listener: (event: DocumentEvents<T>[N]) => void): () => void {
    return this.#listeners.add(name, listener);
  }

  /**
   * Writes what is to be saved, and ends the watch. A save that failed is tried once more, unless it was given up, or a conflict
   * file has its edits. Edits for which nobody called `save` are dropped. All calls settle alike.
   *
   * @throws what that save throws; the document is closed then, too. @throws {DocumentStateError} in a recipe it would wait for.
   */
  async close(): Promise<void> {
    if (this.#isDue || !this.#writer.isIdle) refuseInRecipe(this.path);
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flush();
    this.#writer.hurry();
    try {
      if (this.#lastSave?.job.isOver === false) await this.#lastSave.outcome;
      await this.#writer.idle();
      if (this.#isDue) await this.#change('save');
    } finally {
      await this.#writer.idle();
      this.#writer.close();
      this.#sight.close();
      this.#forget();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #change<R = T>(
    recipe: Change['recipe'],
    patience?: 'patient',
    result = () => this.#shown?.value as R,
  ): Promise<R> {
    const { job, outcome } = change(recipe, result, patience);
    this.#writer.add(job);
    if (this.#isExiting) this.#flushNow();
    const told = outcome.catch((error: unknown) => {
      if (recipe === 'save') owe(this.#pending, error, job);
      const again = async (patient?: 'patient') => {
        this.#mayChange();
        return this.#change(recipe, patient, result);
      };
      const chosen = withChoices(this.path, error, again, () => {
        if (this.#pending?.owed === job) this.#pending.owed = undefined;
      });
      if (chosen !== error) publishDocumentEvent('timed-out', this.#facts({ reason: String(error) }));
      throw chosen;
    });
    if (recipe === 'save') this.#lastSave = { job, outcome: told };
    return told;
  }

  #mayChange(): void {
    this.#mayLook();
    if (this.#settings.readOnly) throw new DocumentStateError(this.path, 'read-only');
    if (this.#known?.tooNew !== undefined) throw this.#known.tooNew;
  }

  #mayLook(): void {
    if (this.#closing !== undefined) throw new DocumentStateError(this.path, 'closed');
    refuseInRecipe(this.path);
  }

  #removed(): void {
    this.#saves++;
    this.#known = undefined;
    this.#shown = undefined;
    this.#pending = undefined;
  }

  /** The file has this version, by a save of one's own or because nothing was to be written. */
  #written(loaded: Loaded, saved: Pending | undefined, recovery?: Restored): void {
    this.#saves++;
    this.#known = loaded;
    if (this.#sight.isWholeAgain() || recovery !== undefined) {
      this.#emit('restored', { origin: 'own', recovery });
    }
    const rest = since(saved, this.#pending);
    const owed = this.#pending?.owed;
    const isPaid = saved !== undefined && saved.owed === owed; // or another save, of what was edited since, has failed meanwhile
    if (rest === undefined) this.#pending = undefined;
    else this.#pend({ ...rebased(rest, loaded, this.#settings), owed: isPaid ? undefined : owed });
    this.#show(loaded, 'own');
  }

  #pend(pending: Pending): void {
    const isNew = !equal(pending.json, (this.#pending ?? this.#shown)?.json);
    const value = frozen(pending.json) as T;
    this.#pending = { ...pending, value };
    if (isNew) this.#emit('change', { value, origin: 'own' });
  }

  #show(loaded: Loaded, origin?: 'own' | 'external'): void {
    const { json } = loaded;
    if (this.#shown !== undefined && (this.#shown.json === json || equal(this.#shown.json, json))) return;
    const value = frozen(json) as T;
    this.#shown = { loaded, json, value };
    if (origin !== undefined && this.#pending === undefined) this.#emit('change', { value, origin });
  }

  /** Takes in a version that was found at the path. */
  #take(loaded: Loaded): void {
    const before = this.#known;
    this.#known = loaded;
    if (this.#sight.isWholeAgain()) this.#emit('restored', { origin: 'external', recovery: undefined });
    if (before?.hash === loaded.hash) return;
    if (this.#settings.follow === 'auto') this.#show(loaded, 'external');
    const { hash, identity, uid, json } = loaded;
    const writtenAt = new Date(Number(identity.mtimeNs / 1_000_000n));
    if (this.#listeners.has('external')) {
      this.#emit('external', { value: frozen(json) as T, hash, writtenAt, uid });
    }
    publishDocumentEvent('external', this.#facts({ hash, writtenAt: writtenAt.toISOString(), uid }));
  }

  /** Listeners run after the call that made the news: `read` runs nobody's code. */
  #emit<N extends DocumentEventName>(name: N, event: DocumentEvents<T>[N]): void {
    log(name, event, this.#facts({}));
    if (this.#listeners.has(name)) queueMicrotask(() => this.#listeners.emit(name, event));
  }

  #facts<F extends object>(facts: F) {
    return { path: this.path, manager: this.#settings.manager, ...facts };
  }

  /** Somebody asked for a save that is not written, and not under way. */
  get #isDue(): boolean {
    return this.#saving !== undefined || this.#pending?.owed !== undefined;
  }

  #flush(): void {
    const saving = this.#saving;
    this.#saving = undefined;
    saving?.begin();
  }

  /** The same before it returns, for a process that exits: what was asked to be saved and is not written yet. */
  #flushNow(): void {
    const begun = this.#writer.begun.filter(({ isOver }) => !isOver);
    const waiting = this.#writer.takeAll();
    if (this.#isDue) waiting.push(change('save', () => undefined).job);
    this.#batch.finish(begun, waiting);
    this.#isExiting = true;
    tellDropped(this.#facts({}), [...begun, ...waiting]);
  }
}
