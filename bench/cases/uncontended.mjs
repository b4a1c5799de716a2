import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import lockfile from 'proper-lockfile';
import { bareCycle } from '../lib/floor.mjs';
import { hasFlock, nativeExtensions } from '../lib/peers.mjs';
import { interleave } from '../lib/rounds.mjs';
import { span, times } from '../lib/table.mjs';

export const measures =
  'acquire and release of a lock nobody else wants, against bare open+flock+close and peers';

/** @typedef {import('../lib/rounds.mjs').Candidate} Candidate */

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const data = join(directory, 'data.json');
  writeFileSync(data, '{}');
  const locks = new LockManager({ directory: join(directory, 'locks') });
  const plan = quick ? { rounds: 20, slice: 5 } : { rounds: 100, slice: 10 };
  const candidates = [floor(directory), ...subjects(locks, data), ...peers(directory, data)];
  const timings = await interleave(candidates, plan);
  // Apart from the others: the first use of an AsyncLocalStorage, which with() needs, slows every promise of the process
  // down before Node.js 24.
  const [, ...bracketed] = await interleave([floor(directory), ...withSubjects(locks)], plan);
  timings.splice(
    candidates.findIndex(({ name }) => name === PROPER),
    0,
    ...bracketed,
  );

  const proper = timings.find(({ name }) => name === PROPER)?.perOperation ?? Number.NaN;
  report.table(
    'One cycle, uncontended: medians of interleaved rounds; processor time as the mean, garbage collection included',
    ['', 'a cycle', '× floor', 'processor', '× floor', 'proper-lockfile takes'],
    timings.map(({ name, perOperation, ratio, cpu, cpuRatio }) => [
      name,
      span(perOperation),
      times(ratio),
      span(cpu),
      times(cpuRatio),
      times(proper / perOperation),
    ]),
  );
  const subject = timings.find(({ name }) => name === ASYNC);
  report.atMost(`${ASYNC} over the floor`, subject?.ratio ?? Number.NaN, 5);
  report.atLeast('proper-lockfile over Holdfast', proper / (subject?.perOperation ?? Number.NaN), 50);
  report.figure('timings', timings);
}

const ASYNC = 'Holdfast acquire + release';
const PROPER = 'proper-lockfile lock + unlock';

/** @param {string} directory @returns {Candidate} */
function floor(directory) {
  const path = join(directory, 'floor');
  writeFileSync(path, '');
  const cycle = bareCycle(path);
  return { name: 'floor: bare open, flock, close', run: repeat(cycle) };
}

/** @param {LockManager} locks @param {string} data @returns {Candidate[]} */
function subjects(locks, data) {
  /** @param {import('holdfast').Target} target @param {import('holdfast').AcquireOptions} [options] */
  const cycle = (target, options) => async () => {
    const lock = await locks.acquire(target, options);
    await lock.release();
  };
  return [
    { name: ASYNC, run: repeatAsync(cycle('name')) },
    { name: 'Holdfast acquireSync + release', run: repeat(() => void locks.acquireSync('name').release()) },
    { name: 'Holdfast with a purpose', run: repeatAsync(cycle('name', { purpose: 'nightly save' })) },
    { name: 'Holdfast on { file }', run: repeatAsync(cycle({ file: data })) },
    { name: 'Holdfast shared', run: repeatAsync(cycle('shared', { mode: 'shared' })) },
  ];
}

/** @param {LockManager} locks @returns {Candidate[]} */
function withSubjects(locks) {
  return [
    { name: 'Holdfast withSync', run: repeat(() => locks.withSync('name', {}, () => undefined)) },
    { name: 'Holdfast with', run: repeatAsync(() => locks.with('name', () => undefined)) },
  ];
}

/** @param {string} directory @param {string} data @returns {Candidate[]} */
function peers(directory, data) {
  /** @type {Candidate[]} */
  const list = [
    {
      name: PROPER,
      run: repeatAsync(async () => {
        await lockfile.lock(data);
        await lockfile.unlock(data);
      }),
    },
  ];
  const path = join(directory, 'peer');
  writeFileSync(path, '');
  const native = nativeExtensions;
  if (native !== undefined) {
    const fd = openSync(path, 'r+');
    const cycle = () => {
      if (!native.tryLock(fd)) throw new Error('not locked');
      native.unlock(fd);
    };
    const whole = () => {
      const own = openSync(path, 'r+');
      if (!native.tryLock(own)) throw new Error('not locked');
      closeSync(own);
    };
    list.push({ name: 'fs-native-extensions open, tryLock, close', run: repeat(whole) });
    list.push({ name: 'fs-native-extensions tryLock + unlock, file kept open', run: repeat(cycle) });
  }
  if (hasFlock) {
    const spawn = () => void spawnSync('flock', ['-n', path, 'true'], { stdio: 'ignore' });
    list.push({ name: 'flock(1) around true', run: repeat(spawn) });
  }
  return list;
}

/** @param {() => unknown} operation @returns {Candidate['run']} */
function repeat(operation) {
  return (iterations) => {
    for (let i = 0; i < iterations; i++) operation();
  };
}

/** @param {() => Promise<unknown>} operation @returns {Candidate['run']} */
function repeatAsync(operation) {
  return async (iterations) => {
    for (let i = 0; i < iterations; i++) await operation();
  };
}
