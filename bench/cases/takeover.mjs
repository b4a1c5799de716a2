import { closeSync, openSync } from 'node:fs';
import { LockManager } from 'holdfast';
import { Child, now, sleep, withChild } from '../lib/children.mjs';
import { bareTry } from '../lib/floor.mjs';
import { summarize } from '../lib/stats.mjs';
import { span } from '../lib/table.mjs';

export const measures = 'from kill -9 of the holder to the grant of a process that waits';

const nobody = new Int32Array(new SharedArrayBuffer(4));
const SETTLE = 20; // ms, for the waiter to be asleep

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const rounds = quick ? 10 : 100;
  const locks = new LockManager({ directory });
  /** @type {number[]} */
  const taken = [];
  /** @type {number[]} */
  const freed = [];
  let repaired = 0;
  let repairedTwice = 0;
  await withChild('waiter.mjs', { directory, name: 'subject' }, async (waiter) => {
    for (let round = 0; round < rounds; round++) {
      freed.push(await freeingTime(directory, locks.pathOf('floor')));

      const holder = await startHolder(directory, 'subject');
      waiter.send('wait');
      await sleep(SETTLE);
      const killed = now();
      holder.process.kill('SIGKILL');
      const { granted, recovered, recoveredAgain } = await waiter.next();
      taken.push(granted - killed);
      if (recovered) repaired++;
      if (recoveredAgain) repairedTwice++;
      await holder.kill();
    }
  });

  const floor = summarize(freed);
  const subject = summarize(taken);
  report.table(
    `${rounds} holders killed; the floor is how long the kernel needs until flock(2), tried all the time, succeeds`,
    ['', 'p50', 'p90', 'p99', 'longest'],
    [
      ['floor: until the kernel frees the lock', ...spans(floor)],
      ['until a waiting process has it', ...spans(subject)],
    ],
  );
  console.log(
    `  lock.recovered: ${repaired} of ${rounds} grants after a kill, ${repairedTwice} of ${rounds} after a release`,
  );
  report.atMost('p99 of a takeover in milliseconds', subject.p99 / 1e6, 20);
  report.atLeast('grants after a kill that were told to repair', repaired, rounds);
  report.atMost('grants after a release that were told to repair', repairedTwice, 0);
  report.figure('floor', floor);
  report.figure('takeover', subject);
}

/** @param {import('../lib/stats.mjs').Summary} summary */
function spans({ p50, p90, p99, max }) {
  return [span(p50), span(p90), span(p99), span(max)];
}

/** @param {string} directory @param {string} name */
async function startHolder(directory, name) {
  const holder = new Child('holder.mjs', { directory, name });
  await holder.next();
  return holder;
}

/** @param {string} directory @param {string} path */
async function freeingTime(directory, path) {
  const holder = await startHolder(directory, 'floor');
  const fd = openSync(path, 'r+');
  const killed = now();
  holder.process.kill('SIGKILL');
  while (!bareTry(fd)) Atomics.wait(nobody, 0, 0, 0.05);
  const freed = now();
  closeSync(fd);
  await holder.kill();
  return freed - killed;
}
