/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, unknown>} Props
 */

/**
 * An element. Everything that comes from a file goes in as text or as an attribute, never as markup. Props that begin with
 * `on` are listeners, those of which an element has a property are set as such, all others are attributes.
 *
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name @param {Props} [props] @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function h(name, props = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else if (PROPERTIES.has(key)) Object.assign(element, { [key]: value });
    else element.setAttribute(key, value === true && !key.startsWith('aria-') ? '' : String(value));
  }
  const kept = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...kept.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const PROPERTIES = new Set(['checked', 'disabled', 'value', 'hidden', 'className', 'htmlFor']);

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element ${id}.`);
  return element;
}

/**
 * A button, with the keys that do the same.
 *
 * @param {string} label @param {() => unknown} act
 * @param {{ readonly keys?: Keys | undefined, readonly kind?: string, readonly disabled?: boolean, readonly id?: string }} [more]
 */
export function button(label, act, { keys, kind = '', disabled = false, id } = {}) {
  const props = { type: 'button', id, className: `button ${kind}`, disabled, onclick: () => act() };
  return h('button', { ...props, 'aria-keyshortcuts': keys?.aria }, label, keys && hint(keys));
}

/** @typedef {{ readonly shown: string, readonly aria: string }} Keys */

/** The keys of a button, for eyes; others are told by `aria-keyshortcuts`. @param {Keys} keys */
export function hint({ shown }) {
  return h('kbd', { 'aria-hidden': 'true' }, shown);
}

/** @param {unknown} a @param {unknown} b */
export function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A value, for people. @param {unknown} value @returns {Child} */
export function shown(value) {
  if (value === undefined) return h('span', { className: 'absent' }, 'not there');
  if (typeof value === 'string') return value === '' ? h('span', { className: 'absent' }, 'empty') : value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    if (value.length === 0) return h('span', { className: 'absent' }, 'none');
    return h(
      'span',
      { className: 'tags' },
      value.map((each) => h('span', { className: 'tag' }, each)),
    );
  }
  if (typeof value === 'object' && value !== null && 'name' in value && 'id' in value) return card(value);
  return h('code', {}, JSON.stringify(value, undefined, 1));
}

/** A role as a whole. @param {object} role */
function card(role) {
  const members = Object.entries(role).filter(([name]) => name !== 'id' && name !== 'name');
  return h(
    'span',
    { className: 'card' },
    h('strong', {}, String(/** @type {{ name?: unknown }} */ (role).name)),
    members.map(([name, value]) =>
      h('span', {}, h('span', { className: 'member' }, `${name} `), shown(value)),
    ),
  );
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** @param {string} iso */
export function clock(iso) {
  return CLOCK.format(new Date(iso));
}

/** @param {string} iso */
export function day(iso) {
  const told = DAY.format(new Date(iso));
  return told === DAY.format(new Date()) ? 'Today' : told;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
