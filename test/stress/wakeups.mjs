// Finds, in what the participants of a torture run wrote down, those who were not woken: who waited for a lock while
// nobody held it, for longer than any waiter may.
import fs from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {{ from: bigint, to: bigint }} Span
 * @typedef {Span & { resource: string, hold: string, worker: string }} Stay
 * @typedef {{ waits: Stay[], holds: Stay[] }} Stays
 * @typedef {{ ends: ReadonlyMap<string, bigint>, stops: ReadonlyMap<string, readonly Span[]> }} Fates
 */

const FAR = 2n ** 63n;

/**
 * Every wait, and every hold up to the moment when its lock was given back for certain: its release had returned, or its
 * process was seen to be dead.
 *
 * @param {string} directory @param {readonly string[]} resources
 * @param {Fates['ends']} ends when each process was seen to be dead
 * @returns {Stays}
 */
export function readStays(directory, resources, ends) {
  /** @type {Stays} */
  const all = { waits: [], holds: [] };
  for (const worker of fs.readdirSync(directory)) {
    const end = ends.get(worker) ?? FAR;
    /** @type {Map<string, Stay>} */
    const open = new Map();
    /** @param {string} what @param {bigint} time */
    const close = (what, time) => {
      const stay = open.get(what);
      if (stay?.to === end) stay.to = time;
    };
    for (const line of fs.readFileSync(join(directory, worker), 'utf8').split('\n')) {
      const [kind, time = '0', hold = '', resource = ''] = line.split(' ');
      const stay = { from: BigInt(/^\d+$/.test(time) ? time : 0), to: end, resource, hold, worker };
      if (kind === 'ask') {
        all.waits.push(stay);
        open.set(`wait ${hold}`, stay);
      }
      if (kind === 'got') {
        all.holds.push(stay);
        open.set(`${hold} ${resource}`, stay);
      }
      if (kind === 'gone') close(`${hold} ${resource}`, stay.from);
      if (kind === 'end') close(`wait ${hold}`, stay.from);
      if (kind !== 'end' || line.includes(' held ')) continue;
      for (const part of resources) close(`${hold} ${part}`, stay.from); // one of several was not granted
    }
  }
  return all;
}

/**
 * The waits that went on, in a process that was neither stopped nor dead, for more than `limit` milliseconds in a row in
 * which nobody held the lock.
 *
 * @param {Stays} stays @param {Fates['stops']} stops @param {number} limit
 */
export function lostWakeups({ waits, holds }, stops, limit) {
  /** @type {string[]} */
  const found = [];
  let longest = 0;
  for (const resource of new Set(waits.map((wait) => wait.resource))) {
    const free = complement(holds.filter((hold) => hold.resource === resource));
    for (const wait of waits.filter((each) => each.resource === resource)) {
      for (const span of meet(meet([wait], free), complement(stops.get(wait.worker) ?? []))) {
        const ms = Number(span.to - span.from) / 1e6;
        longest = Math.max(longest, ms);
        if (ms <= limit) continue;
        const before = holds.findLast((hold) => hold.resource === resource && hold.to <= span.from);
        found.push(
          `${wait.hold} waited for ${resource} for ${ms.toFixed(0)} ms from ${span.from} on, while it was free` +
            ` (last held by ${before?.hold ?? 'nobody'}, until ${before?.to})`,
        );
      }
    }
  }
  return { found, longest };
}

/** What lies between spans. @param {readonly Span[]} spans @returns {Span[]} */
function complement(spans) {
  /** @type {Span[]} */
  const gaps = [];
  let at = 0n;
  for (const { from, to } of [...spans].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    if (from > at) gaps.push({ from: at, to: from });
    if (to > at) at = to;
  }
  gaps.push({ from: at, to: FAR });
  return gaps;
}

/** What lies in both; each list is sorted and its spans do not overlap. @param {readonly Span[]} a @param {readonly Span[]} b */
function meet(a, b) {
  /** @type {Span[]} */
  const both = [];
  for (const one of a) {
    for (let at = firstEndingAfter(b, one.from); at < b.length; at++) {
      const other = /** @type {Span} */ (b[at]);
      if (other.from >= one.to) break;
      both.push({ from: later(one.from, other.from), to: earlier(one.to, other.to) });
    }
  }
  return both;
}

/** @param {readonly Span[]} spans @param {bigint} time */
function firstEndingAfter(spans, time) {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {Span} */ (spans[middle]).to > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @param {bigint} a @param {bigint} b */
const later = (a, b) => [a, b][Number(a < b)] ?? a;

/** @param {bigint} a @param {bigint} b */
const earlier = (a, b) => [a, b][Number(b < a)] ?? a;
