import { createHash } from 'node:crypto';
import { DamagedError, RecordError } from '../../errors/document-errors.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { canonical } from '../../json/canonical.ts';
import { isBeyondDoubles, namesBeyondDoubles } from '../../json/inexact-doubles.ts';
import { define, isArray, isObject, type Json } from '../../json/json.ts';
import { lookUp } from '../../json/lookup.ts';
import { formatPath, parsePath } from '../../json/path.ts';
import { memberOf } from '../../json/values.ts';
import { atOnce } from '../../lock/body.ts';
import { callback, check, checkKinds, type Kind, type Kinds } from '../../lock/known-options.ts';
import type { Document } from '../document.ts';
import { checkRecipe, type Now } from '../draft.ts';

export type RecordId = string | number;

export interface Entry<R> {
  readonly id: RecordId;
  /** Stands for what the record says: another one as soon as anything in it is, whoever changed it. */
  readonly revision: string;
  readonly value: R;
}

export interface RepositoryOptions<Id extends string = string> {
  /** The member by which records are told apart. Default: `id`. */
  readonly identity?: Id | undefined;
  /** Makes the identity of a record that is inserted without one. Default: one above the highest number there is, from 1. */
  readonly newId?: ((taken: readonly RecordId[]) => RecordId) | undefined;
}

const TEXT: Kind = { what: 'a text', fits: (value) => typeof value === 'string' };
const OPTIONS: Kinds<RepositoryOptions> = { identity: TEXT, newId: callback };
const RECORD: Kind = { what: 'an object', fits: (value) => isObject(value as Json) };

/**
 * The records of a list in a document: objects that are told apart by one of their members. Each change is an update of the
 * document, with all that this guarantees: under its lock, and on the disk when it resolves. Nothing is kept here: what
 * another program writes is there with the next call. Elements that have no identity are left alone.
 *
 * A revision is made of what the record says, and stands nowhere in the file: any program, and any person with an
 * editor, changes it by changing the record. Whoever changes a record back brings the revision back, too.
 *
 * @example
 * const roles = new Repository<Role>(document, 'roles');
 * const { id, revision } = await roles.insert({ name: 'reader' });
 * await roles.update(id, revision, (role) => { role.name = 'writer'; });
 */
export class Repository<R extends object> {
  readonly #document: Document<unknown>;
  readonly #path: ReturnType<typeof parsePath>;
  readonly #identity: string;
  readonly #newId: (taken: readonly RecordId[]) => RecordId;

  /** `list`: where the list is, as in `'roles'` or `'team.roles'`; `''`: the document itself. @throws {InputError | PathSyntaxError} */
  constructor(document: Document<never> | Document<unknown>, list: string, options: RepositoryOptions = {}) {
    checkKinds(options, OPTIONS);
    check('list', list, TEXT);
    this.#document = document as Document<unknown>;
    this.#path = parsePath(list);
    if (namesBeyondDoubles(this.#path)) throw new InputError('list', 'must have no number beyond 2^53');
    this.#identity = options.identity ?? 'id';
    this.#newId = options.newId ?? nextNumber;
    if (list === '') this.list(); // or each call would refuse it, in its recipe
  }

  /** All records, in the order of the file. @throws what `read` throws. @throws {DamagedError} there is no list. */
  list(): readonly Entry<R>[] {
    return this.#entriesIn(this.#listed(lookUp(this.#document.read() as Json, this.#path) ?? []));
  }

  /** Undefined where there is none. @throws {InputError} several have identities that are one double. */
  get(id: RecordId): Entry<R> | undefined {
    return this.#find(this.list(), id);
  }

  /** Adds a record at the end. @throws {RecordError} its identity is taken. Throws as `Document.update` does. */
  async insert(record: Omit<R, 'id'> & { readonly id?: RecordId | undefined }): Promise<Entry<R>> {
    check('record', record, RECORD);
    return this.#change((list) => {
      const taken = this.#entriesIn(list);
      const given = (record as Readonly<Record<string, unknown>>)[this.#identity];
      const id = given ?? this.#newId(taken.map((entry) => entry.id));
      if (!isId(id)) throw new InputError(this.#identity, `must be a text or a number, got ${shown(id)}`);
      const present = taken.find((entry) => entry.id === id);
      if (present !== undefined) throw this.#refused('exists', id, present);
      list.push({ [this.#identity]: id, ...record, [this.#identity]: id } as Json); // first, also where it is undefined
      return id;
    });
  }

  /**
   * Changes a record, if it still has this revision: `change` gets a draft of it, and changes that in place or returns a new
   * record.
   *
   * @throws {RecordError} somebody has changed or removed it since; `current` is what there is now, and nothing was
   * written. @throws {InputError} as `get` does; the identity is another one afterwards. Throws as `Document.update` does.
   */
  async update(id: RecordId, revision: string, change: (draft: R) => Now<R>): Promise<Entry<R>> {
    checkRecipe(change, 'change');
    return this.#change((list) => {
      const at = this.#indexOf(list, id, revision);
      const made = atOnce(change(list[at] as R), 'change', 'it holds the lock');
      const result = made === undefined ? list[at] : made;
      check('result of change', result, RECORD);
      if ((result as Record<string, unknown>)[this.#identity] !== id) {
        throw new InputError(this.#identity, `must stay ${shown(id)}; insert another record instead`);
      }
      list[at] = result as Json;
      return id;
    });
  }

  /** Removes a record, if it still has this revision. Throws as `update` does. */
  async remove(id: RecordId, revision: string): Promise<void> {
    await this.#document.update((draft) => {
      const list = this.#listIn(draft as Json);
      list.splice(this.#indexOf(list, id, revision), 1);
    });
  }

  async #change(body: (list: Json[]) => RecordId): Promise<Entry<R>> {
    let id: RecordId = '';
    const written = await this.#document.update((draft) => {
      id = body(this.#listIn(draft as Json));
    });
    const entries = this.#entriesIn(this.#listed(lookUp(written as Json, this.#path)));
    const entry = this.#find(entries, id);
    if (entry === undefined) throw this.#refused('removed', id, undefined); // by another change in the same write
    return entry;
  }

  /** The list in a draft; made where only it is missing. */
  #listIn(draft: Json): Json[] {
    const found = lookUp(draft, this.#path);
    const last = this.#path.at(-1);
    const around = last === undefined ? undefined : lookUp(draft, this.#path.slice(0, -1));
    if (found !== undefined || typeof last !== 'string' || !isObject(around)) return this.#listed(found);
    const list: Json[] = [];
    define(around as Record<string, Json>, last, list);
    return list;
  }

  #listed(value: Json | undefined): Json[] {
    if (isArray(value)) return value as Json[];
    if (this.#path.length === 0)
      throw new InputError('list', 'must name a list, and the document itself is none');
    throw new DamagedError(this.#document.path, `has no list at ${formatPath(this.#path)}`);
  }

  #entriesIn(list: readonly Json[]): Entry<R>[] {
    return list.flatMap((each) => this.#entry(each) ?? []);
  }

  #entry(value: Json): Entry<R> | undefined {
    const id: unknown = memberOf(value, this.#identity);
    return isId(id) ? { id, revision: revisionOf(value), value: value as R } : undefined;
  }

  /** Where the record is that has both: of two with one identity, the one that was meant. */
  #indexOf(list: readonly Json[], id: RecordId, revision: string): number {
    const entries = list.map((each) => this.#entry(each));
    const present = this.#find(entries, id);
    const at = entries.findIndex((entry) => entry?.id === id && entry.revision === revision);
    if (at >= 0) return at;
    throw this.#refused(present === undefined ? 'removed' : 'changed', id, present);
  }

  #find(entries: readonly (Entry<R> | undefined)[], id: RecordId): Entry<R> | undefined {
    const found = entries.filter((entry) => entry?.id === id);
    if (found.length < 2 || !isBeyondDoubles(id)) return found[0];
    throw new InputError(this.#identity, `${id} is, as a double, that of ${found.length} records`);
  }

  #refused(reason: RecordError['reason'], id: RecordId, current: Entry<R> | undefined): RecordError {
    return new RecordError(this.#document.path, reason, id, current);
  }
}

function isId(value: unknown): value is RecordId {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
}

/** Not by `Math.max`, which takes some hundred thousand values and no more. */
export function nextNumber(taken: readonly RecordId[]): number {
  return 1 + taken.reduce<number>((most, each) => (typeof each === 'number' && each > most ? each : most), 0);
}

/** The order of members says nothing. */
function revisionOf(value: Json): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 16);
}
