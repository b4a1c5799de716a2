import { button, counted, h, same, shown } from './dom.js';
import { withMember } from './draft.js';

/**
 * @typedef {import('./draft.js').Roles} Roles
 * @typedef {import('./draft.js').Edits} Edits
 * @typedef {import('./draft.js').Role} Role
 * @typedef {'ours' | 'theirs' | 'base' | 'merged' | 'other'} Side
 *
 * @typedef {object} Row
 * @property {import('./draft.js').RoleId | null} id
 * @property {string | null} member
 * @property {string} label
 * @property {'ours' | 'theirs' | 'both' | 'conflict'} kind
 * @property {unknown} [base]
 * @property {unknown} [ours]
 * @property {unknown} [theirs]
 * @property {unknown} [merged]
 *
 * @typedef {{ readonly theirs: Roles, readonly merged: Roles, readonly rows: Row[] }} Comparison
 * @typedef {{ readonly side: Side, readonly value: unknown }} Choice
 * @typedef {ReadonlyMap<string, Choice>} Choices
 */

const NAMES = { ours: 'Mine', theirs: 'Theirs', base: 'Before', merged: 'Both', other: 'Other' };
const KINDS = {
  conflict: 'changed on both sides: choose one',
  ours: 'changed by you',
  theirs: 'changed by others',
  both: 'changed on both sides, and both changes fit',
};
/** Members that a person can type. */
const TYPED = ['name', 'description', 'seats'];

/** Mine and theirs, side by side, with a choice for each place where they differ. */
export class Compare {
  /** Why it is open: a save met a conflict, or somebody wants to look. @type {'save' | 'look'} */
  purpose = 'look';
  /** @type {Comparison} */
  #comparison = { theirs: { roles: [] }, merged: { roles: [] }, rows: [] };
  /** @type {Choices} */
  #choices = new Map();
  /** @type {Choices[]} */
  #undo = [];
  #actions;

  /** @param {{ readonly finish: () => unknown, readonly leave: () => void, readonly redraw: () => void, readonly say: (text: string) => void, readonly keys: Record<string, import('./dom.js').Keys> }} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** Shows another comparison. Choices between values that are the same as before are kept. @param {Comparison} comparison */
  show(comparison) {
    const before = new Map(this.#comparison.rows.map((row) => [keyOf(row), row]));
    const kept = comparison.rows.flatMap((row) => {
      const choice = this.#choices.get(keyOf(row));
      const old = before.get(keyOf(row));
      return choice !== undefined && same(old, row) ? [/** @type {const} */ ([keyOf(row), choice])] : [];
    });
    this.#comparison = comparison;
    this.#choices = new Map(kept);
    this.#undo = [];
    return kept.length;
  }

  forget() {
    this.show({ theirs: { roles: [] }, merged: { roles: [] }, rows: [] });
  }

  /** How many conflicts have no answer yet. */
  get open() {
    return this.#comparison.rows.filter((row) => row.kind === 'conflict' && !this.#choices.has(keyOf(row)))
      .length;
  }

  /** What the choices come to, as edits of what is in the file. @returns {Edits} */
  get result() {
    const { theirs, merged, rows } = this.#comparison;
    let draft = merged;
    for (const row of rows) {
      const choice = this.#choices.get(keyOf(row));
      if (choice !== undefined) draft = withChoice(draft, row, choice.value);
    }
    return { base: theirs, draft };
  }

  /** @returns {Node[]} */
  draw() {
    const { rows } = this.#comparison;
    const conflicts = rows.filter(({ kind }) => kind === 'conflict');
    const others = rows.filter(({ kind }) => kind !== 'conflict');
    const heading = this.purpose === 'save' ? 'Choose what is saved' : 'Compare';
    return [
      h(
        'section',
        { className: 'view', 'aria-labelledby': 'compare-heading' },
        h('h2', { id: 'compare-heading', tabindex: -1 }, heading),
        h('p', { className: 'lead' }, this.#summary(conflicts.length, others.length)),
        rows.length > 0 && this.#tools(conflicts.length),
        conflicts.map((row, at) => this.#row(row, `conflict-${at}`)),
        others.length > 0 && h('h3', {}, conflicts.length > 0 ? 'Merged without a question' : 'What differs'),
        others.map((row, at) => this.#row(row, `other-${at}`)),
        this.#end(),
      ),
    ];
  }

  undo() {
    const last = this.#undo.pop();
    if (last === undefined) return this.#actions.say('There is nothing to undo.');
    this.#choices = last;
    this.#actions.redraw();
    this.#actions.say('The last choice was taken back.');
  }

  /** One side for every place. @param {'ours' | 'theirs'} side */
  all(side) {
    const chosen = this.#comparison.rows.map(
      (row) => /** @type {const} */ ([keyOf(row), choiceOf(row, side)]),
    );
    this.#set(new Map(chosen));
    this.#actions.redraw();
    this.#actions.say(`${NAMES[side]} is chosen everywhere.`);
  }

  /** @param {number} conflicts @param {number} others */
  #summary(conflicts, others) {
    if (conflicts + others === 0) return 'Your version and the file are the same.';
    const rest = `${counted(others, 'other change goes', 'other changes go')} together.`;
    if (conflicts === 0)
      return `${counted(others, 'place differs', 'places differ')}, and the changes go together.`;
    const first = `${counted(conflicts, 'place needs', 'places need')} your choice.`;
    return `${first} ${others > 0 ? rest : ''} Nothing is written until you save.`;
  }

  /** @param {number} conflicts */
  #tools(conflicts) {
    const { keys } = this.#actions;
    const isIdle = this.#undo.length === 0;
    return h(
      'div',
      { className: 'row', role: 'group', 'aria-label': 'Choices' },
      button('All mine', () => this.all('ours'), { id: 'all-ours', keys: keys.mine }),
      button('All theirs', () => this.all('theirs'), { id: 'all-theirs', keys: keys.theirs }),
      button('Undo', () => this.undo(), { id: 'undo-choice', keys: keys.undo, disabled: isIdle }),
      conflicts > 0 &&
        h('p', { className: 'count' }, this.open === 0 ? 'All chosen' : `${this.open} still open`),
    );
  }

  #end() {
    const { keys, finish, leave } = this.#actions;
    const label = this.purpose === 'save' ? 'Save this result' : 'Use this result';
    const isOpen = this.open > 0 || this.#comparison.rows.length === 0;
    return h(
      'div',
      { className: 'row end sticky' },
      button('Back', leave, { id: 'leave', kind: 'quiet', keys: keys.leave }),
      button(label, finish, { id: 'finish', kind: 'primary', keys: keys.finish, disabled: isOpen }),
    );
  }

  /** @param {Row} row @param {string} id */
  #row(row, id) {
    const chosen = this.#choices.get(keyOf(row)) ?? defaultOf(row);
    /** @type {Side[]} */
    const sides = ['ours', 'theirs'];
    if (row.kind === 'both') sides.push('merged');
    if (!same(row.base, row.ours) && !same(row.base, row.theirs)) sides.push('base');
    const isTyped = row.kind === 'conflict' && row.member !== null && TYPED.includes(row.member);
    return h(
      'fieldset',
      { className: `choice ${row.kind}`, 'aria-describedby': `${id}-kind` },
      h(
        'legend',
        {},
        h('strong', {}, row.label === '' ? 'The file' : row.label),
        row.member && ` \u2013 ${row.member}`,
      ),
      h('p', { id: `${id}-kind`, className: 'kind' }, KINDS[row.kind]),
      h(
        'div',
        { className: 'sides' },
        sides.map((side) => this.#option(row, side, id, chosen?.side === side)),
        isTyped && this.#typed(row, id, chosen),
      ),
    );
  }

  /** @param {Row} row @param {Side} side @param {string} id @param {boolean} isChosen */
  #option(row, side, id, isChosen) {
    const props = { type: 'radio', name: id, id: `${id}-${side}`, value: side, checked: isChosen };
    const choose = () => this.#choose(row, choiceOf(row, side));
    return h(
      'label',
      { className: `side ${side}` },
      h('span', { className: 'head' }, h('input', { ...props, onchange: choose }), NAMES[side]),
      h('span', { className: 'value' }, shown(valueOn(row, side))),
    );
  }

  /** A value of one's own. @param {Row} row @param {string} id @param {Choice | undefined} chosen */
  #typed(row, id, chosen) {
    const isNumber = row.member === 'seats';
    const start = chosen?.side === 'other' ? chosen.value : (row.ours ?? row.theirs ?? '');
    const text = h('input', {
      ...{ id: `${id}-text`, value: start, autocomplete: 'off', 'aria-label': 'Other value' },
      ...(isNumber ? { type: 'number', min: 0, step: 1 } : { maxlength: row.member === 'name' ? 200 : 2000 }),
    });
    const radio = h('input', {
      ...{ type: 'radio', name: id, id: `${id}-other`, value: 'other', checked: chosen?.side === 'other' },
    });
    const choose = () => {
      if (!text.checkValidity() || (isNumber && text.value === '')) return;
      radio.checked = true;
      this.#choose(row, { side: 'other', value: isNumber ? Number(text.value) : text.value });
    };
    text.addEventListener('change', choose);
    radio.addEventListener('change', choose);
    const head = h('label', { className: 'head' }, radio, NAMES.other);
    return h('div', { className: 'side other' }, head, h('span', { className: 'value' }, text));
  }

  /** @param {Row} row @param {Choice} choice */
  #choose(row, choice) {
    if (same(this.#choices.get(keyOf(row)), choice)) return;
    this.#set(new Map([...this.#choices, [keyOf(row), choice]]));
    this.#actions.redraw();
  }

  /** @param {Choices} choices */
  #set(choices) {
    this.#undo.push(this.#choices);
    this.#choices = choices;
  }
}

/** @param {Row} row */
function keyOf({ id, member }) {
  return JSON.stringify([id, member]);
}

/** What counts unless somebody chooses: nothing, where only a person knows. @param {Row} row @returns {Choice | undefined} */
function defaultOf(row) {
  if (row.kind === 'conflict') return undefined;
  return choiceOf(row, row.kind === 'both' ? 'merged' : row.kind);
}

/** @param {Row} row @param {Side} side @returns {Choice} */
function choiceOf(row, side) {
  return { side, value: valueOn(row, side) };
}

/** @param {Row} row @param {Side} side */
function valueOn(row, side) {
  return side === 'other' ? undefined : row[side];
}

/** @param {Roles} roles @param {Row} row @param {unknown} value @returns {Roles} */
function withChoice(roles, { id, member }, value) {
  if (id === null) return member === null ? roles : withMember(roles, member, value);
  const there = roles.roles.find((role) => role.id === id);
  const role = member === null ? value : there && withMember(there, member, value);
  if (there === undefined && role === undefined) return roles;
  if (there === undefined) return { ...roles, roles: [...roles.roles, /** @type {Role} */ (role)] };
  const all = roles.roles.map((each) => (each.id === id ? role : each));
  return { ...roles, roles: /** @type {Role[]} */ (all.filter((each) => each !== undefined)) };
}
