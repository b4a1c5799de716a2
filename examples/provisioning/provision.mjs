import { describe, publish, purposeOf } from './state.mjs';
import { clear, mountImage, packArchive } from './volume.mjs';

/** @typedef {import('./state.mjs').State} State */

/**
 * Makes the volume anew: removes what is there, be it whole or left half-made by a worker that died, builds, publishes.
 * When it fails, or is ended by its signal, nothing half-made stays behind.
 *
 * @param {import('./steps.mjs').Job} job
 * @returns {Promise<State>}
 */
export async function provision(job) {
  const { lock, mode, worker } = job;
  const about = {
    ...describe({ purpose: purposeOf(worker), since: new Date().toISOString(), pid: process.pid }),
    token: lock.token,
    mode,
    recovered: lock.recovered,
  };
  await announce(job, { state: 'running', ...about });
  try {
    const cleared = await clear(job);
    const volume = await (mode === 'mount' ? mountImage : packArchive)(job);
    /** @type {State} */
    const ready = { state: 'ready', ...about, volume, cleared };
    job.signal.throwIfAborted();
    await announce(job, ready);
    return ready;
  } catch (thrown) {
    const error = job.signal.aborted ? job.signal.reason : thrown; // the cause, not how one step put it
    if (!lock.signal.aborted) {
      await cleanUp(job, error);
      await announce(job, { state: 'failed', ...about, detail: String(error) });
    }
    throw error; // after the loss of the lock nothing is touched: the volume may be somebody else's by now
  }
}

/** @param {import('./steps.mjs').Job} job @param {State} state */
async function announce({ lock, data }, state) {
  lock.assertHeld();
  await publish(data, state);
}

/**
 * What ended the job does not end its clean-up; only the loss of the lock does.
 *
 * @param {import('./steps.mjs').Job} job
 * @param {unknown} error
 */
async function cleanUp(job, error) {
  try {
    await clear({ ...job, signal: job.lock.signal });
  } catch (failure) {
    throw new AggregateError([error, failure], `${error}; then the clean-up failed: ${failure}`);
  }
}
