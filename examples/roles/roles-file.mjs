import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openDocument, restoreBackup } from 'holdfast/document';
import { merge } from 'holdfast/merge';
import { backupsOf, readBackup } from './backups.mjs';
import { schema } from './model.mjs';
import { rowsOf } from './rows.mjs';

/**
 * @typedef {import('./model.mjs').Roles} Roles
 * @typedef {import('./rows.mjs').Row} Row
 *
 * What a window has: `base` is the version its edits began with, `draft` what they made of it.
 *
 * @typedef {{ readonly base: Roles, readonly draft: Roles }} Edits
 *
 * A window's edits beside what is in the file: what a merge makes of both, and every place where they differ.
 *
 * @typedef {{ readonly theirs: Roles, readonly merged: Roles, readonly rows: Row[] }} Comparison
 *
 * `value`: the newest version that could be read. `by`: who wrote it, a window of this server or another program.
 *
 * `revision` rises with each state that the server `boot` tells.
 *
 * @typedef {object} State
 * @property {string} boot
 * @property {number} revision
 * @property {string} name
 * @property {string} path
 * @property {Roles | null} value
 * @property {'start' | 'window' | 'outside'} by
 * @property {string} at ISO time
 * @property {{ readonly kind: 'missing' | 'damaged', readonly message: string } | null} problem
 * @property {string | null} waiting who holds the file's lock while a save waits for it
 * @property {string | null} warning what the last save could not do beside saving
 */

/** Bytes. */
export const MOST = 1024 * 1024;
/** Milliseconds between two looks at a file that cannot be read. */
const AGAIN = 500;

const OPTIONS = {
  identity: 'id',
  maxBytes: MOST,
  // Before each save: whatever a person decides in a conflict, the version before it can be had back.
  backups: { interval: 0, newest: 12 },
};

/** Both changed the same places. Nothing was written. */
export class ClashError extends Error {
  /** @param {Comparison} comparison */
  constructor(comparison) {
    super('The file was changed in the same places. Nothing was written.');
    this.comparison = comparison;
  }
}

/** There is no such backup, or none that can be used. */
export class NoBackupError extends Error {}

/** The file, as windows see it: one document for all of them, and what became of it last. */
export class RolesFile {
  /** Called with each new state. @param {State} _state */
  onState = (_state) => {};
  #path;
  /** @type {import('holdfast/document').Document<Roles> | undefined} */
  #document;
  /** @type {State} */
  #state;
  /** What a window has written by another way than the document. @type {Roles | undefined} */
  #expected;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #isClosed = false;

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
    const at = new Date().toISOString();
    const name = basename(path);
    this.#state = {
      ...{ boot: randomUUID(), revision: 0, name, path, value: null, by: 'start', at },
      ...{ problem: null, waiting: null, warning: null },
    };
  }

  get state() {
    return this.#state;
  }

  /** Opens it. A file that is missing or damaged is a state as any other, and is looked at until it can be opened. */
  async open() {
    const { name } = this.#state;
    try {
      const document = await openDocument(this.#path, { ...OPTIONS, schema });
      if (this.#isClosed) return void (await document.close());
      this.#document = document;
      document.on('external', ({ value, writtenAt }) => this.#wroteOutside(value, writtenAt));
      document.on('missing', () => this.#troubled('missing', `${name} was deleted.`));
      document.on('damaged', ({ message }) => this.#troubled('damaged', message));
      document.on('restored', ({ origin }) => this.#whole(document.read(), origin));
      document.on('waiting', ({ holders }) => this.#tell({ waiting: nameOf(holders[0]) }));
      document.on('degraded', ({ detail }) => this.#tell({ warning: `${name}: ${detail}.` }));
      document.on('backup-failed', ({ message }) => this.#tell({ warning: message }));
      this.#tell({ value: document.read(), problem: null });
    } catch (error) {
      const { code, message } = /** @type {{ code?: unknown, message: string }} */ (error);
      this.#troubled(code === 'HOLDFAST_MISSING' ? 'missing' : 'damaged', message);
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.open(), AGAIN);
    }
  }

  async close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#document?.close();
  }

  /**
   * Writes a window's edits, merged with what is in the file, under its lock; resolves with what is in it then.
   * `anew`: a file that is missing is made again.
   *
   * @param {Edits & { readonly anew: boolean }} wish
   * @throws {ClashError} and what `update` of the document throws
   */
  async save({ base, draft, anew }) {
    if (anew && this.#state.problem?.kind === 'missing') await this.#make(draft);
    const document = this.#opened();
    try {
      const value = await document.update((current) => {
        const merged = merge(base, draft, current, { identity: 'id' });
        if (merged.conflicts.length > 0) throw new ClashError(compared({ base, draft }, current));
        return merged.value;
      });
      this.#tell({ value, by: 'window', at: new Date().toISOString(), problem: null });
      return { value, backup: backupsOf(this.#path)[0]?.name ?? null };
    } catch (error) {
      giveUp(error);
      throw error;
    } finally {
      if (this.#state.waiting !== null) this.#tell({ waiting: null });
    }
  }

  /** A window's edits beside what is in the file now. Writes nothing. @param {Edits} edits */
  compare(edits) {
    return compared(edits, this.#current());
  }

  backups() {
    if (this.#document === undefined) return backupsOf(this.#path);
    return this.#document.backups().map(({ name, time, size, reason }) => {
      return { name, at: time.toISOString(), bytes: size, reason };
    });
  }

  /** What a backup has, and where it differs from the file. @param {string} name */
  preview(name) {
    const backup = readBackup(this.#path, name, MOST);
    if (backup === undefined) throw new NoBackupError(`${name} is no backup that can be used.`);
    const { value } = backup;
    const current = this.#state.value ?? { roles: [] };
    const rows = rowsOf({ base: current, ours: value, theirs: current, merged: value }, []);
    return { roles: value.roles.length, rows };
  }

  /**
   * Puts a backup in the place of what is in the file, whatever that is; what was there is kept first, and its name told.
   *
   * @param {string} name
   */
  async restore(name) {
    const document = this.#document;
    try {
      const restored = await (document?.restore(name) ?? restoreBackup(this.#path, name, { schema }));
      clearTimeout(this.#timer);
      if (document === undefined) await this.open();
      return { kept: restored.replaced ?? restored.corrupt ?? null };
    } catch (error) {
      giveUp(error);
      throw error;
    }
  }

  /** @param {Roles} value */
  async #make(value) {
    this.#expected = value;
    const document = await openDocument(this.#path, { ...OPTIONS, schema, create: value });
    await document.close();
    if (this.#document === undefined) await this.open();
  }

  #opened() {
    if (this.#document !== undefined) return this.#document;
    throw Object.assign(new Error(this.#state.problem?.message ?? 'The file is not open yet.'), {
      code: 'HOLDFAST_DAMAGED',
    });
  }

  /** @returns {Roles} */
  #current() {
    return this.#document?.read() ?? this.#state.value ?? { roles: [] };
  }

  /** @param {Roles} value @param {Date} writtenAt */
  #wroteOutside(value, writtenAt) {
    const by = isDeepStrictEqual(this.#expected, value) ? 'window' : 'outside';
    this.#expected = undefined;
    this.#tell({ value, by, at: writtenAt.toISOString(), problem: null });
  }

  /** A backup took the place of the file, or it can be read again. @param {Roles} value @param {'own' | 'external'} origin */
  #whole(value, origin) {
    const isNew = !isDeepStrictEqual(value, this.#state.value);
    const by = origin === 'own' ? 'window' : 'outside';
    this.#tell({ value, problem: null, ...(isNew && { by, at: new Date().toISOString() }) });
  }

  /** @param {'missing' | 'damaged'} kind @param {string} message */
  #troubled(kind, message) {
    if (this.#state.problem?.message !== message) this.#tell({ problem: { kind, message } });
  }

  /** @param {Partial<State>} news */
  #tell(news) {
    this.#state = { ...this.#state, ...news, revision: this.#state.revision + 1 };
    if (!this.#isClosed) this.onState(this.#state);
  }
}

/** @param {Edits} edits @param {Roles} theirs @returns {Comparison} */
function compared({ base, draft }, theirs) {
  const { value: merged, conflicts } = merge(base, draft, theirs, { identity: 'id' });
  return { theirs, merged, rows: rowsOf({ base, ours: draft, theirs, merged }, conflicts) };
}

/** A change that timed out is kept until somebody decides; here the window keeps it. @param {unknown} error */
function giveUp(error) {
  const { cancel } = /** @type {{ cancel?: unknown }} */ (error);
  if (typeof cancel === 'function') cancel();
}

/** @param {{ readonly pid?: number | undefined, readonly command?: unknown } | undefined} holder */
function nameOf(holder) {
  if (holder?.pid === undefined) return 'another program';
  return `process ${holder.pid}`;
}
