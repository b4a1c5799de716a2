import { h, hint } from './dom.js';

/** @typedef {'edit' | 'compare' | 'backups'} View @typedef {keyof typeof keys} Key */

export const isMac = /^Mac/.test(navigator.platform);
const [CTRL, ALT] = isMac ? ['\u2318', '\u2325'] : ['Ctrl+', 'Alt+'];
/** What does the same as a button. */
export const keys = {
  save: { shown: `${CTRL}S`, aria: isMac ? 'Meta+S' : 'Control+S' },
  reload: { shown: `${ALT}R`, aria: 'Alt+R' },
  compare: { shown: `${ALT}C`, aria: 'Alt+C' },
  keep: { shown: `${ALT}K`, aria: 'Alt+K' },
  backups: { shown: `${ALT}B`, aria: 'Alt+B' },
  add: { shown: `${ALT}N`, aria: 'Alt+N' },
  another: { shown: `${ALT}W`, aria: 'Alt+W' },
  mine: { shown: `${ALT}M`, aria: 'Alt+M' },
  theirs: { shown: `${ALT}T`, aria: 'Alt+T' },
  undo: { shown: `${ALT}Z`, aria: 'Alt+Z' },
  finish: { shown: `${CTRL}S`, aria: isMac ? 'Meta+S' : 'Control+S' },
  leave: { shown: 'Esc', aria: 'Escape' },
};

/** What the keys of each view do, in few words. @type {Record<View, Partial<Record<Key, string>>>} */
const SHORTCUTS = {
  edit: {
    ...{ save: 'save', add: 'new role', reload: 'reload', compare: 'compare' },
    ...{ keep: 'keep editing', backups: 'backups' },
  },
  compare: {
    ...{ mine: 'all mine', theirs: 'all theirs', undo: 'undo' },
    ...{ finish: 'use the result', leave: 'back' },
  },
  backups: { leave: 'back' },
};

/** The list at the foot of a view. @param {View} view */
export function shortcutsOf(view) {
  return Object.entries(SHORTCUTS[view]).map(([name, what]) =>
    h('li', {}, hint(keys[/** @type {Key} */ (name)]), h('span', {}, what)),
  );
}
