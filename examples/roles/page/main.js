import { BackupsView } from './backups.js';
import { Compare } from './compare.js';
import { addressOfAnother, Events, ask as request } from './connection.js';
import { button, byId, counted, h, same } from './dom.js';
import { Draft } from './draft.js';
import { Editor } from './editor.js';
import { isMac, keys, shortcutsOf } from './keys.js';
import { noticeOf } from './notice.js';

/** @typedef {import('./keys.js').View} View */

const draft = new Draft();
/** @type {any} */
let state;
/** @type {'open' | 'lost' | 'refused' | 'opening'} */
let link = 'opening';
/** @type {View} */
let view = 'edit';
let isSaving = false;
/** The version for which somebody chose to keep editing. @type {unknown} */
let passedOver;
/** @type {string | undefined} */
let failure;
/** @type {string | undefined} */
let warningSeen;
/** @type {{ readonly text: string, readonly undo?: (() => unknown) | undefined } | undefined} */
let done;
/** What had the focus before a view was opened. */
let cameFrom = '';

const editor = new Editor(draft, { add, remove, redraw: draw, keys });
const compare = new Compare({ finish, leave, redraw: draw, say, keys });
const backups = new BackupsView({ restore, leave, redraw: draw, keys });
const events = new Events(take, (found) => {
  if (found === link) return;
  if (link === 'lost' && found === 'open') say('Connected again.');
  link = found;
  tell();
});

draft.onChange = () => {
  done = undefined;
  tell();
  if (view === 'edit') editor.refresh();
};

/** A state has come, by itself or with an answer. @param {any} news */
function take(news) {
  if (news.boot === state?.boot && news.revision <= state.revision) return;
  if (news.path !== state?.path) draft.open(news.path);
  const isFirst = news.path !== state?.path || !draft.isThere;
  state = news;
  if (!draft.isThere && news.value !== null) draft.show(news.value);
  tell();
  if (isFirst) draw();
  else if (view === 'compare' && isNews()) void compareAgain();
  else if (view === 'backups') void backups.load();
}

/** Asks the server; what the answer says of the file is taken in. @param {string} path @param {object} body */
async function ask(path, body) {
  const answer = await request(path, body);
  if (answer.ok) take(answer.body.state);
  return answer;
}

/** Whether the file has another version than the one this window began with. */
function isNews() {
  return state !== undefined && state.value !== null && !same(state.value, draft.edits.base);
}

/** Shows what the header and the notice say; the rest of the page stays as it is. */
function tell() {
  document.title = `${draft.isDirty ? '\u25cf ' : ''}${state?.name ?? 'Roles'}`;
  byId('file').textContent = state?.path ?? '';
  byId('file').title = state?.path ?? '';
  const status = byId('status');
  [status.dataset.state, status.textContent] = statusOf();
  drawActions();
  drawNotice();
}

/** @returns {[string, string]} */
function statusOf() {
  if (link === 'refused') return ['problem', 'No access'];
  if (link === 'lost') return ['problem', 'Not connected'];
  if (state === undefined) return ['loading', 'Opening'];
  if (isSaving && state.waiting !== null) return ['saving', `Waiting for ${state.waiting}`];
  if (isSaving) return ['saving', 'Saving'];
  if (draft.isDirty) return ['unsaved', counted(draft.size, 'unsaved change')];
  return state.problem === null ? ['saved', 'All changes saved'] : ['problem', 'Cannot be saved now'];
}

function drawActions() {
  const isIdle = !draft.isDirty || isSaving;
  byId('actions').hidden = view !== 'edit';
  const another = () => window.open(addressOfAnother(), '_blank', 'noopener');
  replace(byId('actions'), [
    button('Backups', () => open('backups'), { id: 'backups', kind: 'quiet', keys: keys.backups }),
    button('New window', another, { id: 'another', kind: 'quiet', keys: keys.another }),
    button('Discard', discard, { id: 'discard', kind: 'quiet', disabled: isIdle }),
    button('Save', save, { id: 'save', kind: 'primary', disabled: isIdle, keys: keys.save }),
  ]);
}

const reactions = {
  reload: { label: 'Reload', act: reload, keys: keys.reload },
  compare: { label: 'Compare', act: () => open('compare'), keys: keys.compare },
  keep: { label: 'Keep editing', act: keep, keys: keys.keep, kind: 'quiet' },
  backups: { label: 'Choose a backup', act: () => open('backups'), keys: keys.backups },
  anew: { label: 'Write it again', act: () => save({ anew: true }) },
  hurry: { label: 'Try now', act: () => events.hurry() },
  again: { label: 'Try again', act: () => save() },
  dismiss: { label: 'Close', act: dismiss, kind: 'quiet' },
};

function drawNotice() {
  const warning = state?.warning === warningSeen ? undefined : (state?.warning ?? undefined);
  const news = isNews() && !isSaving && view === 'edit' && !same(state.value, passedOver);
  const notice = noticeOf(
    { link, state, view, news, isDirty: draft.isDirty, failure, done, warning },
    reactions,
  );
  const place = byId('notice');
  if (notice === undefined) {
    if (place.contains(document.activeElement)) byId('main').focus();
    place.hidden = true;
    place.replaceChildren();
    place.dataset.text = '';
    return;
  }
  const { tone, text, actions } = notice;
  const isNew = place.dataset.text !== text;
  place.hidden = false;
  place.dataset.text = text;
  place.dataset.tone = tone;
  if (!isNew && place.querySelectorAll('button').length === actions.length) return;
  const buttons = actions.map((each) =>
    button(each.label, each.act, { ...each, id: `notice-${each.label}` }),
  );
  replace(place, [h('p', {}, text), h('div', { className: 'row' }, buttons)]);
  if (isNew)
    say(`${text} ${actions.map(({ label, keys: at }) => (at ? `${label}, ${at.aria}` : label)).join('; ')}`);
}

function draw() {
  const main = byId('main');
  main.dataset.view = view;
  const isEmpty = view === 'edit' && !draft.isThere;
  const shown = { edit: editor, compare, backups }[view];
  replace(
    main,
    isEmpty
      ? [h('p', { className: 'empty' }, state === undefined ? '' : 'Nothing can be shown yet.')]
      : shown.draw(),
  );
  byId('shortcuts').replaceChildren(...shortcutsOf(view));
}

/** Puts other elements in place of those that are there; what had the focus has it again. @param {HTMLElement} place @param {Node[]} children */
function replace(place, children) {
  const focused = document.activeElement;
  const id = focused !== null && place.contains(focused) ? focused.id : '';
  const caret =
    focused instanceof HTMLInputElement && focused.type === 'text' ? focused.selectionStart : null;
  const scrolled = place.querySelector('.list ul')?.scrollTop ?? 0;
  place.replaceChildren(...children);
  place.querySelector('.list ul')?.scrollTo(0, scrolled);
  if (id === '') return;
  const again = document.getElementById(id);
  if (again === null || again.hasAttribute('disabled')) byId('main').focus();
  else again.focus();
  if (again instanceof HTMLInputElement && caret !== null) again.setSelectionRange(caret, caret);
}

/** Has a screen reader say it. @param {string} text */
function say(text) {
  byId('announcer').textContent = text;
}

/** @param {View} wanted */
async function open(wanted) {
  if (view === 'edit') cameFrom = document.activeElement?.id ?? '';
  if (wanted === 'compare') {
    const { ok, body } = await ask('/compare', draft.edits);
    if (!ok) return fail(body.message);
    compare.forget();
    compare.purpose = 'look';
    compare.show(body);
  }
  view = wanted;
  done = undefined;
  if (wanted === 'backups') {
    backups.forget();
    await backups.load();
  }
  tell();
  draw();
  window.scrollTo(0, 0);
  byId(`${wanted}-heading`).focus();
}

/** Back to the roles. Nothing is chosen by leaving. */
function leave() {
  if (view === 'edit') return;
  view = 'edit';
  tell();
  draw();
  window.scrollTo(0, 0);
  const before = document.getElementById(cameFrom);
  if (before !== null && !before.hasAttribute('disabled')) before.focus();
  else byId('main').focus();
}

async function compareAgain() {
  const { ok, body } = await ask('/compare', draft.edits);
  if (!ok || view !== 'compare') return;
  const kept = compare.show(body);
  draw();
  say(`The file was changed again. ${counted(kept, 'choice')} kept.`);
}

/** @param {{ readonly anew?: boolean }} [how] */
async function save({ anew = false } = {}) {
  if (isSaving || (!draft.isDirty && !anew)) return undefined;
  isSaving = true;
  failure = undefined;
  tell();
  const sent = draft.edits;
  const { ok, body } = await ask('/save', { ...sent, anew });
  isSaving = false;
  if (ok) {
    if (same(draft.edits.draft, sent.draft)) {
      draft.show(body.value);
      redrawEditor();
    } else {
      draft.set({ base: sent.draft, draft: draft.edits.draft });
      await reload();
    }
    tell();
    say('Saved.');
    return body;
  }
  if (body.comparison !== undefined) {
    if (view === 'edit') cameFrom = document.activeElement?.id ?? '';
    compare.purpose = 'save';
    compare.show(body.comparison);
    view = 'compare';
    tell();
    draw();
    window.scrollTo(0, 0);
    byId('compare-heading').focus();
    say(`Not saved: the file was changed in the same places. ${counted(compare.open, 'choice')} to make.`);
    return undefined;
  }
  fail(`Not saved. ${body.message}`);
  return undefined;
}

/** The result of a comparison becomes the edits; it is saved at once where a save has led here. @returns {Promise<void>} */
async function finish() {
  if (compare.open > 0) return say(`${counted(compare.open, 'choice is', 'choices are')} still open.`);
  const before = draft.edits;
  const { purpose } = compare;
  draft.set(compare.result);
  const undo = () => {
    draft.set(before);
    redrawEditor();
    say('Your version from before the comparison is back.');
  };
  if (purpose === 'save' && draft.isDirty) {
    const saved = await save();
    if (saved === undefined) return;
    leave();
    const kept = saved.backup === null ? '' : ` The version before is in ${saved.backup}.`;
    done = { text: `Saved.${kept}`, undo };
  } else {
    leave();
    redrawEditor();
    done = {
      text: draft.isDirty ? 'The result is in the editor, unsaved.' : 'The file is shown as it is.',
      undo,
    };
  }
  compare.forget();
  tell();
}

/** Takes in what is in the file; edits stay, and are merged with it. */
async function reload() {
  if (!isNews()) return;
  const { ok, body } = await ask('/compare', draft.edits);
  if (!ok) return fail(body.message);
  if (body.rows.some((/** @type {{ kind: string }} */ { kind }) => kind === 'conflict'))
    return open('compare');
  draft.set({ base: body.theirs, draft: body.merged });
  redrawEditor();
  done = { text: draft.isDirty ? 'Reloaded. Your changes are kept, unsaved.' : 'Reloaded.' };
  tell();
}

function keep() {
  if (!isNews()) return;
  passedOver = state.value;
  tell();
  say('The notice is closed. Your version stays; a save merges both.');
}

function discard() {
  const before = draft.edits;
  draft.show(state?.value ?? before.base);
  redrawEditor();
  const undo = () => {
    draft.set(before);
    redrawEditor();
  };
  done = { text: 'Your changes are discarded.', undo };
  tell();
}

function add() {
  const id = `role-${crypto.randomUUID().slice(0, 8)}`;
  draft.add({ id, name: '', permissions: ['read'] });
  editor.selected = id;
  redrawEditor();
  byId('name').focus();
}

/** @param {{ id: import('./draft.js').RoleId, name: string }} role */
function remove(role) {
  const before = draft.edits;
  draft.remove(role.id);
  redrawEditor();
  const undo = () => {
    draft.set(before);
    editor.selected = role.id;
    redrawEditor();
  };
  done = { text: `${role.name} is removed, once you save.`, undo };
  tell();
}

/** @param {{ readonly name: string }} backup */
async function restore({ name }) {
  const { ok, body } = await ask('/backups/restore', { name });
  if (!ok) return fail(`Not restored. ${body.message}`);
  leave();
  if (isNews()) await reload();
  const kept = body.kept === null ? '' : ` What was there is in ${body.kept}.`;
  if (view === 'edit') done = { text: `Restored.${kept}` };
  tell();
}

/** @param {string} message */
function fail(message) {
  failure = message;
  tell();
}

function dismiss() {
  failure = undefined;
  done = undefined;
  warningSeen = state?.warning;
  tell();
}

function redrawEditor() {
  if (view === 'edit') draw();
}

/** By the key, whatever letter it gives together with Alt. @type {Record<string, () => unknown>} */
const byKey = {
  'edit KeyR': reload,
  'edit KeyC': () => open('compare'),
  'edit KeyK': keep,
  'edit KeyB': () => open('backups'),
  'edit KeyN': add,
  'edit KeyW': () => byId('another').click(),
  'compare KeyM': () => compare.all('ours'),
  'compare KeyT': () => compare.all('theirs'),
  'compare KeyZ': () => compare.undo(),
};

document.addEventListener('keydown', (event) => {
  const { code, altKey, ctrlKey, metaKey, shiftKey, key } = event;
  const isCommand = isMac ? metaKey : ctrlKey;
  if (isCommand && code === 'KeyS' && !shiftKey && !altKey) {
    event.preventDefault();
    void (view === 'compare' ? finish() : view === 'edit' && save());
  } else if (altKey && !ctrlKey && !metaKey && byKey[`${view} ${code}`] !== undefined) {
    event.preventDefault();
    void byKey[`${view} ${code}`]?.();
  } else if (key === 'Escape') {
    if (view !== 'edit') leave();
    else if (isNews() && !byId('notice').hidden) keep();
    else dismiss();
  }
});

window.addEventListener('beforeunload', (event) => {
  if (draft.isDirty) event.preventDefault();
});

tell();
draw();
void events.run();
