import { same } from './dom.js';

/**
 * @typedef {number | string} RoleId
 * @typedef {{ id: RoleId, name: string, description?: string, seats?: number, permissions?: string[] }} Role
 * @typedef {{ roles: Role[] }} Roles
 * @typedef {{ readonly base: Roles, readonly draft: Roles }} Edits
 */

/**
 * The edits of this window: the version they began with, and what they made of it. They are kept beside the page, so that
 * neither a reload of the window nor the end of the server loses them.
 */
export class Draft {
  /** @type {Edits | undefined} */
  #edits;
  #isDirty = false;
  /** Where they are kept. */
  #key = '';

  /** Called whenever they change. */
  onChange = () => {};

  /** Begins with the edits that were left in a file, if there are any: those of another file stay with that. @param {string} path */
  open(path) {
    this.#key = `edits of ${path}`;
    const kept = sessionStorage.getItem(this.#key);
    this.#edits = kept === null ? undefined : JSON.parse(kept);
    this.#isDirty = kept !== null;
  }

  get isThere() {
    return this.#edits !== undefined;
  }

  /** @returns {Edits} */
  get edits() {
    return this.#edits ?? { base: { roles: [] }, draft: { roles: [] } };
  }

  get roles() {
    return this.edits.draft.roles;
  }

  get isDirty() {
    return this.#isDirty;
  }

  /** @param {Edits} edits */
  set(edits) {
    this.#edits = edits;
    this.#isDirty = !same(edits.base, edits.draft);
    this.#keep();
    this.onChange();
  }

  #keep() {
    sessionStorage.removeItem(this.#key);
    if (!this.#isDirty) return;
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#edits));
    } catch {
      // There is no room for so much: the edits are in the window alone, which asks before it is closed.
    }
  }

  /** Nothing is unsaved: the window shows this version. @param {Roles} value */
  show(value) {
    this.set({ base: value, draft: value });
  }

  /** Changes a member of a role; undefined removes it. @param {RoleId} id @param {string} member @param {unknown} value */
  change(id, member, value) {
    const { base, draft } = this.edits;
    const roles = draft.roles.map((role) => (role.id === id ? withMember(role, member, value) : role));
    this.set({ base, draft: { ...draft, roles } });
  }

  /** @param {Role} role */
  add(role) {
    const { base, draft } = this.edits;
    this.set({ base, draft: { ...draft, roles: [...draft.roles, role] } });
  }

  /** @param {RoleId} id */
  remove(id) {
    const { base, draft } = this.edits;
    this.set({ base, draft: { ...draft, roles: draft.roles.filter((role) => role.id !== id) } });
  }

  /** The role as it was before the edits. @param {RoleId} id */
  before(id) {
    return this.edits.base.roles.find((role) => role.id === id);
  }

  /** How many places the edits change. */
  get size() {
    const { base, draft } = this.edits;
    const ids = new Set([...base.roles, ...draft.roles].map(({ id }) => id));
    let size = same({ ...base, roles: 0 }, { ...draft, roles: 0 }) ? 0 : 1;
    for (const id of ids) {
      const role = draft.roles.find((each) => each.id === id);
      const before = this.before(id);
      size += role === undefined || before === undefined ? 1 : changedMembers(before, role).length;
    }
    return size === 0 && this.isDirty ? 1 : size;
  }
}

/** @param {object} before @param {object} after */
function changedMembers(before, after) {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !same(own(before, name), own(after, name)));
}

/** A copy in which the member has this value; a member called `__proto__` is one as any other. @template {object} O @param {O} object @param {string} member @param {unknown} value @returns {O} */
export function withMember(object, member, value) {
  const entries = Object.entries(object);
  if (value === undefined)
    return /** @type {O} */ (Object.fromEntries(entries.filter(([name]) => name !== member)));
  if (!entries.some(([name]) => name === member)) entries.push([member, value]);
  return /** @type {O} */ (
    Object.fromEntries(entries.map(([name, old]) => [name, name === member ? value : old]))
  );
}

/** @param {object} object @param {string} member @returns {unknown} */
export function own(object, member) {
  return Object.entries(object).find(([name]) => name === member)?.[1];
}
