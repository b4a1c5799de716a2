// Reads what the participants of a stress run wrote down, and finds what must not have happened.
import fs from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {{ hold: string, resource: string, mode: string, from: bigint, to: bigint, token: number, after: string, released: boolean }} Hold
 * @typedef {{ way: string, outcome: string, waited: number }} End
 * @typedef {{ hold: string, resource: string, value: number, confirmed: boolean }} Update
 * @typedef {{ holds: Hold[], ends: End[], updates: Update[], complaints: string[] }} History
 */

/** @param {string} directory @returns {History} */
export function readHistories(directory) {
  /** @type {History} */
  const all = { holds: [], ends: [], updates: [], complaints: [] };
  for (const name of fs.readdirSync(directory)) readHistory(join(directory, name), all);
  return all;
}

/** @param {string} path @param {History} into */
function readHistory(path, into) {
  /** @type {Map<string, Hold>} */
  const open = new Map();
  /** @type {Map<string, Update>} */
  const updates = new Map();
  for (const line of fs.readFileSync(path, 'utf8').split('\n')) {
    const [kind, ...words] = line.split(' ');
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = words;
    if (kind === 'bad') into.complaints.push(words.join(' '));
    if (kind === 'end') into.ends.push({ way: c, outcome: d, waited: Number(e) });
    if (kind === 'ok') {
      const [from, hold, resource] = [BigInt(a), b, c];
      const entry = { hold, resource, mode: d, from, to: from, token: Number(e), after: f, released: false };
      open.set(`${hold} ${resource}`, entry);
      into.holds.push(entry);
    }
    if (kind === 'intent') {
      const update = { hold: a, resource: b, value: Number(c), confirmed: false };
      updates.set(`${a} ${b}`, update);
      into.updates.push(update);
    }
    if (kind === 'rel') {
      const hold = open.get(`${b} ${c}`);
      if (hold !== undefined) Object.assign(hold, { to: BigInt(a), released: true });
      const update = updates.get(`${b} ${c}`);
      if (update !== undefined) update.confirmed = true;
    }
  }
}

/**
 * Holds that conflict and overlap in time. Of one that was cut short by a kill only its beginning is known.
 *
 * @param {readonly Hold[]} holds
 */
export function overlaps(holds) {
  /** @type {string[]} */
  const found = [];
  /** @type {Map<string, Hold>} the hold of each kind that lasted longest so far */
  const longest = new Map();
  for (const hold of [...holds].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const conflicting = hold.mode === 'exclusive' ? ['exclusive', 'shared'] : ['exclusive'];
    for (const mode of conflicting) {
      const other = longest.get(`${hold.resource} ${mode}`);
      if (other !== undefined && other.to > hold.from) {
        found.push(`${hold.mode} ${hold.hold} began while ${other.mode} ${other.hold} held ${hold.resource}`);
      }
    }
    const key = `${hold.resource} ${hold.mode}`;
    const other = longest.get(key);
    if (other === undefined || other.to < hold.to) longest.set(key, hold);
  }
  return found;
}

/**
 * Each value of a counter must have been written by exactly one hold, up to the final one. A hold that was killed may or
 * may not have written the value it was about to.
 *
 * @param {readonly Update[]} updates @param {number} final @param {string} resource
 */
export function lostUpdates(updates, final, resource) {
  /** @type {string[]} */
  const found = [];
  /** @type {Map<number, Update[]>} */
  const byValue = new Map();
  for (const update of updates) {
    if (update.resource !== resource) continue;
    byValue.set(update.value, [...(byValue.get(update.value) ?? []), update]);
    if (update.confirmed && update.value > final)
      found.push(`${resource} ${update.value} of ${update.hold} is lost`);
  }
  for (let value = 1; value <= final; value++) {
    const writers = byValue.get(value) ?? [];
    const confirmed = writers.filter((update) => update.confirmed).map(({ hold }) => hold);
    if (writers.length === 0) found.push(`${resource} ${value} was written by nobody`);
    if (confirmed.length > 1) found.push(`${resource} ${value} was written by ${confirmed.join(' and ')}`);
  }
  return found;
}

/**
 * Tokens of exclusive holds must rise in the order of the holds. A command does not learn the token it runs under.
 *
 * @param {readonly Hold[]} holds
 */
export function fallenTokens(holds) {
  /** @type {string[]} */
  const found = [];
  /** @type {Map<string, Hold>} */
  const last = new Map();
  const exclusive = holds.filter(({ mode, token }) => mode === 'exclusive' && !Number.isNaN(token));
  for (const hold of exclusive.sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const before = last.get(hold.resource);
    if (before !== undefined && hold.token <= before.token) {
      found.push(`${hold.hold} got token ${hold.token} of ${hold.resource} after ${before.token}`);
    }
    last.set(hold.resource, hold);
  }
  return found;
}

/**
 * Each death inside a lock is told to one exclusive successor, not to two.
 *
 * @param {readonly Hold[]} holds
 */
export function doubleRecoveries(holds) {
  const told = holds
    .filter(({ after }) => after !== '-')
    .map(({ resource, after }) => `${resource} of ${after}`);
  return told.filter((what, at) => told.indexOf(what) !== at).map((what) => `${what} was recovered twice`);
}

/**
 * What must not have happened to the locks of a run, whose last counter values are given.
 *
 * @param {History} history
 * @param {Readonly<Record<string, number>>} counters of each resource
 */
export function violationsOf({ holds, updates, complaints }, counters) {
  return {
    occupancy: complaints,
    overlaps: overlaps(holds),
    tokens: fallenTokens(holds),
    recoveries: doubleRecoveries(holds),
    updates: Object.entries(counters).flatMap(([name, final]) => lostUpdates(updates, final, name)),
  };
}

/** What a run did, in numbers; waits in milliseconds. @param {History} history */
export function figuresOf({ holds, ends }) {
  const waits = ends.filter(({ way }) => way === 'wait' || way === 'all' || way === 'sync');
  const timeouts = waits.filter(({ outcome }) => outcome === 'timeout').length;
  const waited = waits.map((wait) => wait.waited);
  return {
    attempts: ends.length,
    waits: waits.length,
    timeouts,
    recovered: holds.filter(({ after }) => after !== '-').length,
    meanWait: waited.reduce((sum, each) => sum + each, 0) / Math.max(1, waited.length),
    maximumWait: waited.reduce((most, each) => Math.max(most, each), 0),
  };
}

/** The last value of each resource's counter. @param {string} home @param {readonly string[]} resources */
export function readCounters(home, resources) {
  return Object.fromEntries(
    resources.map((name) => [name, Number(fs.readFileSync(join(home, name, 'counter'), 'utf8'))]),
  );
}
