import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What `GET /provision` shows.
 *
 * @typedef {object} State
 * @property {'idle' | 'running' | 'ready' | 'failed'} state
 * @property {string} [operation]
 * @property {string} [since] when it started; ISO 8601
 * @property {string} [worker]
 * @property {number} [pid]
 * @property {number} [token] the fencing token of the lock it ran under
 * @property {string} [mode]
 * @property {string} [volume] where the result is
 * @property {boolean} [recovered] it followed on one that ended without a word
 * @property {readonly string[]} [cleared] what it found there and removed first
 * @property {string} [detail] why it failed
 */

const OPERATION = 'provision volume';

/** The purpose a worker takes the lock for. @param {string} worker */
export function purposeOf(worker) {
  return `${OPERATION} by ${worker}`;
}

/**
 * Who is at work, from the record in the lock. It may be missing: flock(1) takes the lock too, and leaves none.
 *
 * @param {import('holdfast').HolderRecord} [holder]
 */
export function describe({ purpose = '', command = 'unknown', pid, since } = {}) {
  const [, operation = purpose || command, worker = 'unknown'] = /^(.+) by (worker .+)$/.exec(purpose) ?? [];
  return { operation, worker, ...(since && { since }), ...(pid && { pid }) };
}

/** Replaces the published state as a whole; no reader sees half of it. @param {string} data @param {State} state */
export async function publish(data, state) {
  const path = join(data, 'state.json');
  const unfinished = `${path}.unfinished`; // one name is enough: only the holder of the lock publishes
  await writeFile(unfinished, `${JSON.stringify(state)}\n`);
  await rename(unfinished, path);
}

/**
 * Whether a provisioning runs is asked of the lock, for a file cannot tell that its writer has died:
 *  1. The file is read, then the lock is looked at. Held: running, and the lock tells who.
 *  2. Free: the file is read again. One that still says `running`, with the same token as before, was written by a
 *     holder that is gone: its provisioning was cut off. Another token: a new one has started in this very moment.
 *
 * @param {string} data
 * @param {import('holdfast').LockManager} locks
 * @returns {Promise<State>}
 */
export async function look(data, locks) {
  const before = await read(data);
  const { state, holders } = locks.inspect('provision');
  if (state !== 'free') return { state: 'running', ...describe(holders[0]) };
  const after = await read(data);
  if (after.state !== 'running' || after.token !== before.token) return after;
  return { ...after, state: 'failed', detail: 'It was cut off: its worker died, or lost the lock.' };
}

/** @param {string} data @returns {Promise<State>} */
async function read(data) {
  try {
    return JSON.parse(await readFile(join(data, 'state.json'), 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return { state: 'idle' };
    throw error;
  }
}
