import { button, counted, h, shown } from './dom.js';

/**
 * @typedef {import('./draft.js').Draft} Draft
 * @typedef {import('./draft.js').Role} Role
 * @typedef {import('./draft.js').RoleId} RoleId
 */

const PERMISSIONS = ['read', 'comment', 'write', 'publish', 'manage'];

/** The list of the roles, and the one that is edited. */
export class Editor {
  /** @type {RoleId | undefined} */
  selected;
  #draft;
  #actions;

  /** @param {Draft} draft @param {{ readonly add: () => void, readonly remove: (role: Role) => void, readonly redraw: () => void, readonly keys: Record<string, import('./dom.js').Keys> }} actions */
  constructor(draft, actions) {
    this.#draft = draft;
    this.#actions = actions;
  }

  /** @returns {Node[]} */
  draw() {
    const { roles } = this.#draft;
    const role = roles.find(({ id }) => id === this.selected) ?? roles[0];
    this.selected = role?.id;
    return [
      h(
        'nav',
        { 'aria-label': 'Roles', className: 'list' },
        h(
          'ul',
          { onkeydown: moveAmongButtons },
          roles.map((each) => this.#item(each)),
        ),
        button('New role', this.#actions.add, { id: 'add', kind: 'wide', keys: this.#actions.keys.add }),
      ),
      role === undefined ? h('p', { className: 'empty' }, 'There are no roles yet.') : this.#form(role),
    ];
  }

  /** Shows in the list what was typed, and leaves the field that is typed in alone. */
  refresh() {
    const list = document.querySelector('nav.list ul');
    list?.replaceChildren(...this.#draft.roles.map((each) => this.#item(each)));
    const role = this.#draft.roles.find(({ id }) => id === this.selected);
    if (role === undefined) return;
    for (const element of document.querySelectorAll('[data-before]')) {
      const member = element.getAttribute('data-before') ?? '';
      element.replaceChildren(...this.#before(role, member));
    }
    const heading = document.querySelector('#role-heading');
    if (heading !== null) heading.textContent = titleOf(role);
  }

  /** @param {Role} role */
  #item(role) {
    const isSelected = role.id === this.selected;
    const before = this.#draft.before(role.id);
    const isChanged = JSON.stringify(before) !== JSON.stringify(role);
    const select = () => {
      this.selected = role.id;
      this.#actions.redraw();
    };
    return h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          id: `role-${JSON.stringify(role.id)}`,
          'aria-current': isSelected,
          onclick: select,
        },
        h('span', { className: 'name' }, titleOf(role)),
        h('span', { className: 'facts' }, role.seats === undefined ? '' : counted(role.seats, 'seat')),
        isChanged && h('span', { className: 'dot' }, h('span', { className: 'hidden' }, 'unsaved changes')),
      ),
    );
  }

  /** @param {Role} role */
  #form(role) {
    const change = (/** @type {string} */ member, /** @type {unknown} */ value) =>
      this.#draft.change(role.id, member, value);
    const typed = (/** @type {string} */ member) => (/** @type {Event} */ event) =>
      change(member, /** @type {HTMLInputElement} */ (event.target).value);
    const name = {
      id: 'name',
      value: role.name,
      maxlength: 200,
      autocomplete: 'off',
      oninput: typed('name'),
    };
    const about = { id: 'description', rows: 3, maxlength: 2000, value: role.description ?? '' };
    const seats = {
      id: 'seats',
      type: 'number',
      min: 0,
      step: 1,
      value: role.seats ?? '',
      inputmode: 'numeric',
    };
    const problem = h(
      'p',
      { id: 'seats-problem', className: 'problem', hidden: true },
      'A whole number from 0',
    );
    const countSeats = (/** @type {Event} */ { target }) => {
      const input = /** @type {HTMLInputElement} */ (target);
      problem.hidden = input.checkValidity();
      input.setAttribute('aria-invalid', String(!problem.hidden));
      if (problem.hidden) change('seats', input.value === '' ? undefined : Number(input.value));
    };
    return h(
      'form',
      {
        className: 'sheet',
        'aria-labelledby': 'role-heading',
        onsubmit: (/** @type {Event} */ event) => event.preventDefault(),
      },
      h('h2', { id: 'role-heading' }, titleOf(role)),
      this.#field('name', 'Name', role, h('input', { ...name, 'aria-describedby': 'name-before' })),
      this.#field(
        'description',
        'Description',
        role,
        h('textarea', { ...about, 'aria-describedby': 'description-before', oninput: typed('description') }),
      ),
      this.#field(
        'seats',
        'Seats',
        role,
        h('input', { ...seats, 'aria-describedby': 'seats-before seats-problem', oninput: countSeats }),
        problem,
      ),
      this.#permissions(role, change),
      h(
        'div',
        { className: 'row end' },
        button('Remove role', () => this.#actions.remove(role), { id: 'remove', kind: 'quiet danger' }),
      ),
    );
  }

  /** @param {Role} role @param {(member: string, value: unknown) => void} change */
  #permissions(role, change) {
    const set = (/** @type {Event} */ { target }) => {
      const { checked, value } = /** @type {HTMLInputElement} */ (target);
      const now = this.#draft.roles.find(({ id }) => id === role.id)?.permissions ?? [];
      change('permissions', checked ? [...now, value] : now.filter((each) => each !== value));
    };
    const all = new Set([...PERMISSIONS, ...(role.permissions ?? [])]);
    const boxes = [...all].map((each) =>
      h(
        'label',
        { className: 'check' },
        h('input', {
          ...{ type: 'checkbox', id: `permission-${each}`, value: each, onchange: set },
          checked: role.permissions?.includes(each) ?? false,
        }),
        each,
      ),
    );
    return h(
      'fieldset',
      { className: 'field', 'aria-describedby': 'permissions-before' },
      h('legend', {}, 'Permissions'),
      h('div', { className: 'checks' }, boxes),
      this.#hint(role, 'permissions'),
    );
  }

  /** @param {string} id @param {string} label @param {Role} role @param {...Node} controls */
  #field(id, label, role, ...controls) {
    return h(
      'div',
      { className: 'field' },
      h('label', { htmlFor: id }, label),
      controls,
      this.#hint(role, id),
    );
  }

  /** @param {Role} role @param {string} member */
  #hint(role, member) {
    return h(
      'p',
      { id: `${member}-before`, className: 'before', 'data-before': member },
      this.#before(role, member),
    );
  }

  /** What a member was before the edits, if it is something else now. @param {Role} role @param {string} member @returns {(Node | string)[]} */
  #before(role, member) {
    const before = this.#draft.before(role.id);
    if (before === undefined) return [];
    const [was, is] = [before, role].map(
      (each) => Object.entries(each).find(([name]) => name === member)?.[1],
    );
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    return ['Before: ', h('span', {}, shown(was))];
  }
}

/** @param {Role} role */
function titleOf({ name }) {
  return name.trim() === '' ? 'Without a name' : name;
}

/** Arrow keys go to the neighbour, Home and End to the first and the last. @param {KeyboardEvent} event */
export function moveAmongButtons(event) {
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const all = [...list.querySelectorAll('button')];
  const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  all[Math.min(Math.max(to, 0), all.length - 1)]?.focus();
}
