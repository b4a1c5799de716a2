import { spawn } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * One provisioning, from the grant of its lock to its end.
 *
 * @typedef {object} Job
 * @property {import('holdfast').Lock} lock
 * @property {AbortSignal} signal ends the job: the lock is lost, the client is gone, or the service stops
 * @property {string} data the directory that holds the volume
 * @property {import('./mode.mjs').Mode} mode
 * @property {number} size bytes of the volume
 * @property {string} content URL of a file to put into the volume; empty for none
 * @property {string} worker
 */

/**
 * Does one thing that changes the volume: only while the lock is held and nobody ended the job, and not before the
 * journal tells of it.
 *
 * @template T
 * @param {Job} job
 * @param {string} name
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function step(job, name, action) {
  job.signal.throwIfAborted();
  const line = { at: new Date().toISOString(), step: name, worker: job.worker, token: job.lock.token };
  job.lock.assertHeld();
  await appendFile(join(job.data, 'journal.jsonl'), `${JSON.stringify(line)}\n`);
  job.lock.assertHeld();
  return action();
}

/**
 * Runs a program to its end. It inherits the lock: if this worker is killed, the lock stays held until the program,
 * which still works on the volume, has ended too.
 *
 * @param {Job} job
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<void>}
 */
export function run({ lock, signal }, program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', lock.descriptor ?? 'ignore'],
      signal,
    });
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      complaint += text;
    });
    child.on('error', (error) => {
      if (child.pid === undefined) reject(new Error(`${program} cannot be started: ${error.message}`));
    });
    // Not when it was told to end, but when it has ended: until then it may still write.
    child.on('close', (code, killer) => {
      if (signal.aborted) reject(signal.reason);
      else if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${killer ?? `code ${code}`}: ${complaint.trim()}`));
    });
  });
}
