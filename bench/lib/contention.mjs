import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sleep, withChildren } from './children.mjs';
import { summarize } from './stats.mjs';

/**
 * @typedef {object} Turn nanoseconds on the monotonic clock
 * @property {number} who
 * @property {number} asked just before the call
 * @property {number} queued when the call had returned its promise; as asked where it returns the lock itself
 * @property {number} granted
 * @property {number} released just before the release
 */

/** A wait this long after a release, with somebody waiting, was ended by a timer and not by an event. */
const BACKSTOP = 40e6;

/** Calls closer together than this, in nanoseconds, have no order worth speaking of. */
const SLACK = 1e6;

/**
 * Lets processes contend for one lock.
 *
 * @param {{ subject: string, directory: string, processes: number, hold: number, pause: number, seconds: number }} plan
 *   hold, pause: milliseconds
 * @returns {Promise<Turn[]>} in the order of the grants
 */
export function contend({ processes, seconds, ...settings }) {
  return withChildren(processes, 'loop.mjs', settings, async (children) => {
    for (const child of children) child.send('start');
    await sleep(seconds * 1e3);
    const reports = await Promise.all(children.map((child) => child.ask('stop')));
    return inOrder(reports);
  });
}

/**
 * The same among Python programs that use filelock.
 *
 * @param {{ python: string, directory: string, processes: number, hold: number, pause: number, seconds: number }} plan
 */
export async function contendInPython({ python, directory, processes, hold, pause, seconds }) {
  const program = fileURLToPath(new URL('../children/filelock-loop.py', import.meta.url));
  const args = [program, join(directory, 'filelock'), `${hold}`, `${pause}`, `${seconds}`];
  const options = { maxBuffer: 64 * 1024 * 1024 };
  const runs = Array.from({ length: processes }, () => promisify(execFile)(python, args, options));
  return inOrder((await Promise.all(runs)).map(({ stdout }) => JSON.parse(stdout)));
}

/** @param {readonly (readonly number[][])[]} reports one of each process @returns {Turn[]} */
function inOrder(reports) {
  const turns = reports.flatMap((report, who) =>
    report.map(([asked = 0, queued = 0, granted = 0, released = 0]) => ({
      who,
      asked,
      queued,
      granted,
      released,
    })),
  );
  return turns.sort((a, b) => a.granted - b.granted);
}

/**
 * The handoffs among the turns: a release while another process waited, and the grant that followed.
 *
 * @param {readonly Turn[]} turns
 */
export function handoffs(turns) {
  const latencies = [];
  let overlaps = 0;
  for (const [at, turn] of turns.entries()) {
    const next = turns[at + 1];
    if (next === undefined) break;
    if (next.granted < turn.released) overlaps++;
    const awaited = next.who !== turn.who && next.asked < turn.released;
    if (awaited) latencies.push(next.granted - turn.released);
  }
  const late = latencies.filter((latency) => latency > BACKSTOP).length;
  return { ...summarize(latencies), late, overlaps };
}

/**
 * How evenly, and in which order, the processes were served: `violations` are grants before somebody who was in the queue
 * before the call began, `overtakings` those before somebody whose call began over 1 ms earlier, queue or no queue.
 *
 * @param {readonly Turn[]} turns @param {number} processes
 */
export function fairness(turns, processes) {
  const counts = Array.from({ length: processes }, () => 0);
  for (const { who } of turns) counts[who] = (counts[who] ?? 0) + 1;
  const most = Math.max(...counts);
  const least = Math.min(...counts);

  // Each process has one request at a time, so whom a grant overtook is found among the others' next turns.
  let overtakings = 0;
  let violations = 0;
  /** @type {Map<number, Turn>} */
  const upcoming = new Map();
  for (const turn of turns.toReversed()) {
    upcoming.set(turn.who, turn);
    for (const other of upcoming.values()) {
      if (other.asked < turn.asked - SLACK) overtakings += 1;
      if (other.queued < turn.asked) violations += 1;
    }
  }
  const longestWait = turns.reduce((longest, { asked, granted }) => Math.max(longest, granted - asked), 0);
  return { turns: turns.length, most, least, ratio: most / least, overtakings, violations, longestWait };
}
