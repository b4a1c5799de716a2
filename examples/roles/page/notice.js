import { clock } from './dom.js';

/**
 * @typedef {{ readonly label: string, readonly act: () => unknown, readonly keys?: import('./dom.js').Keys | undefined, readonly kind?: string }} Action
 * @typedef {{ readonly tone: 'calm' | 'warn' | 'done', readonly text: string, readonly actions: readonly Action[] }} Notice
 *
 * What can be done about a notice.
 *
 * @typedef {object} Reactions
 * @property {Action} reload
 * @property {Action} compare
 * @property {Action} keep
 * @property {Action} backups
 * @property {Action} anew
 * @property {Action} hurry
 * @property {Action} again
 * @property {Action} dismiss
 *
 * What decides about it. `news`: the file has another version than the window began with. `failure`: of the last save.
 * `done`: what has just been done, and how it is taken back.
 *
 * @typedef {object} Facts
 * @property {'open' | 'lost' | 'refused' | 'opening'} link
 * @property {any} state
 * @property {string} view
 * @property {boolean} news
 * @property {boolean} isDirty
 * @property {string | undefined} failure
 * @property {{ readonly text: string, readonly undo?: (() => unknown) | undefined } | undefined} done
 * @property {string | undefined} warning
 */

/** The one thing that a person should know now; the gravest first. @param {Facts} facts @param {Reactions} reactions @returns {Notice | undefined} */
export function noticeOf({ link, state, view, news, isDirty, failure, done, warning }, reactions) {
  const { reload, compare, keep, backups, anew, hurry, again, dismiss } = reactions;
  if (link === 'refused') {
    const text =
      'This window may not read the file: its key is missing or old. Open the address that the server printed.';
    return { tone: 'warn', text, actions: [] };
  }
  if (link === 'lost') {
    const text = `Not connected. ${isDirty ? 'Your changes are kept in this window. ' : ''}Trying again by itself.`;
    return { tone: 'warn', text, actions: [hurry] };
  }
  if (state === undefined) return undefined;
  const { problem, name, by, at } = state;
  if (problem !== null && view === 'backups') return undefined; // one is just being chosen
  if (problem?.kind === 'missing') {
    const actions = state.value === null ? [backups] : [anew, backups];
    return { tone: 'warn', text: `${problem.message} What it had is still here.`, actions };
  }
  if (problem !== null) return { tone: 'warn', text: problem.message, actions: [backups] };
  if (failure !== undefined) return { tone: 'warn', text: failure, actions: [again, dismiss] };
  if (news) {
    const who = by === 'window' ? 'in another window' : 'by another program';
    const text = `${name} was changed ${who} at ${clock(at)}.`;
    return { tone: 'calm', text, actions: [reload, compare, keep] };
  }
  if (warning !== undefined) return { tone: 'warn', text: warning, actions: [dismiss] };
  if (done !== undefined) {
    const { text, undo } = done;
    return {
      tone: 'done',
      text,
      actions: undo === undefined ? [dismiss] : [{ label: 'Undo', act: undo }, dismiss],
    };
  }
  return undefined;
}
