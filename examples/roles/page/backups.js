import { ask } from './connection.js';
import { button, clock, counted, day, h, shown } from './dom.js';
import { moveAmongButtons } from './editor.js';

/**
 * @typedef {{ readonly name: string, readonly at: string, readonly bytes: number, readonly reason?: string }} Backup
 * @typedef {{ readonly roles: number, readonly rows: import('./compare.js').Row[] }} Preview
 */

/** Why a backup was made. */
const REASONS = new Map([
  ['save', 'before a save'],
  ['restore', 'before a restore'],
  ['resolve', 'before a choice'],
  ['reset', 'before a reset'],
  ['delete', 'before a deletion'],
  ['migration', 'before an update'],
  ['interrupted', 'found after a crash'],
]);

/** Versions from before, each with what would change if it took the place of the file. */
export class BackupsView {
  /** @type {Backup[]} */
  #all = [];
  /** @type {Backup | undefined} */
  #selected;
  /** @type {Preview | string | undefined} */
  #preview;
  #actions;

  /** @param {{ readonly restore: (backup: Backup) => unknown, readonly leave: () => void, readonly redraw: () => void, readonly keys: Record<string, import('./dom.js').Keys> }} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** The newest is shown first again. */
  forget() {
    this.#selected = undefined;
    this.#preview = undefined;
  }

  /** Looks which there are, and shows the one that was chosen, else the newest. */
  async load() {
    const { ok, body } = await ask('/backups');
    this.#all = ok ? body.backups : [];
    this.#selected = this.#all.find(({ name }) => name === this.#selected?.name) ?? this.#all[0];
    this.#preview = ok ? undefined : body.message;
    await this.#look();
  }

  async #look() {
    const selected = this.#selected;
    if (selected !== undefined) {
      const { ok, body } = await ask('/backups/preview', { name: selected.name });
      if (selected !== this.#selected) return;
      this.#preview = ok ? body : body.message;
    }
    this.#actions.redraw();
  }

  /** @returns {Node[]} */
  draw() {
    return [
      h(
        'section',
        { className: 'view', 'aria-labelledby': 'backups-heading' },
        h('h2', { id: 'backups-heading', tabindex: -1 }, 'Backups'),
        h(
          'p',
          { className: 'lead' },
          'A copy of the file as it was before each save. Restoring one is a save, too.',
        ),
        this.#all.length === 0
          ? h('p', { className: 'empty' }, 'There are no backups yet. The first change makes one.')
          : h('div', { className: 'columns' }, this.#list(), this.#sheet()),
        h(
          'div',
          { className: 'row end sticky' },
          button('Back', this.#actions.leave, {
            id: 'leave',
            kind: 'quiet',
            keys: this.#actions.keys.leave,
          }),
          this.#selected !== undefined && typeof this.#preview === 'object' && this.#restore(this.#selected),
        ),
      ),
    ];
  }

  /** @param {Backup} backup */
  #restore(backup) {
    const isSame = typeof this.#preview === 'object' && this.#preview.rows.length === 0;
    const act = () => this.#actions.restore(backup);
    return button('Restore this version', act, { id: 'restore', kind: 'primary', disabled: isSame });
  }

  #list() {
    return h(
      'nav',
      { 'aria-label': 'Backups', className: 'list' },
      h(
        'ul',
        { onkeydown: moveAmongButtons },
        this.#all.map((backup) => this.#item(backup)),
      ),
    );
  }

  /** @param {Backup} backup */
  #item(backup) {
    const select = () => {
      this.#selected = backup;
      this.#actions.redraw();
      void this.#look();
    };
    const isSelected = backup === this.#selected;
    return h(
      'li',
      {},
      h(
        'button',
        { type: 'button', id: backup.name, 'aria-current': isSelected, onclick: select },
        h('span', { className: 'name' }, `${day(backup.at)}, ${clock(backup.at)}`),
        h('span', { className: 'facts' }, REASONS.get(backup.reason ?? '')),
      ),
    );
  }

  #sheet() {
    const preview = this.#preview;
    const about = this.#selected && `${this.#selected.name}, ${size(this.#selected.bytes)}`;
    const name = h('p', { className: 'path' }, about);
    if (preview === undefined) return h('div', { className: 'sheet' }, name);
    if (typeof preview === 'string') return h('div', { className: 'sheet' }, name, h('p', {}, preview));
    const { rows, roles } = preview;
    if (rows.length === 0) {
      const same = `${counted(roles, 'role')}, all as they are in the file now.`;
      return h('div', { className: 'sheet' }, name, h('p', {}, same));
    }
    const head = ['Where', 'Now', 'In this backup'].map((each) => h('th', { scope: 'col' }, each));
    const caption = `What restoring changes: ${counted(rows.length, 'place')}`;
    return h(
      'div',
      { className: 'sheet' },
      name,
      h(
        'table',
        {},
        h('caption', {}, caption),
        h('thead', {}, h('tr', {}, head)),
        h(
          'tbody',
          {},
          rows.map(({ label, member, theirs, ours }) =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, label === '' ? 'The file' : label, member && h('small', {}, member)),
              h('td', { 'data-head': 'Now' }, shown(theirs)),
              h('td', { 'data-head': 'In this backup' }, shown(ours)),
            ),
          ),
        ),
      ),
    );
  }
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1024 ? counted(bytes, 'byte') : `${(bytes / 1024).toFixed(1)} KB`;
}
