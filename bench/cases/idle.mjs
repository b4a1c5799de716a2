import { LockManager } from 'holdfast';
import { sleep, withChildren } from '../lib/children.mjs';
import { usage } from '../lib/proc.mjs';
import { digits } from '../lib/table.mjs';

export const measures = 'what processes that wait for a held lock cost the machine';

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const seconds = quick ? 3 : 10;
  const settle = quick ? 3 : 30;
  const rows = [];
  const lock = await new LockManager({ directory }).acquire('held');
  for (const processes of quick ? [8] : [8, 64]) {
    rows.push({
      name: `${processes} idle processes (floor)`,
      ...(await observe(processes, settle, seconds, { directory })),
    });
    const settings = { directory, name: 'held' };
    rows.push({
      name: `${processes} waiting processes`,
      ...(await observe(processes, settle, seconds, settings)),
    });
  }
  await lock.release();
  report.table(
    `Over ${seconds} s`,
    ['', 'processor ms a minute, each', 'all together', 'wake-ups a second, each'],
    rows.map(({ name, cpuEach, cpuAll, wakeUpsEach }) => [
      name,
      digits(cpuEach),
      digits(cpuAll),
      digits(wakeUpsEach),
    ]),
  );
  const waiting = rows.filter(({ name }) => name.endsWith('waiting processes'));
  report.atMost('wake-ups a second of a waiter', Math.max(...waiting.map((row) => row.wakeUpsEach)), 5);
  report.atMost('processor ms a minute of a waiter', Math.max(...waiting.map((row) => row.cpuEach)), 60);
  report.figure('rows', rows);
}

/**
 * @param {number} processes
 * @param {number} settle seconds, for what Node.js does after its start
 * @param {number} seconds
 * @param {Record<string, unknown>} settings
 */
function observe(processes, settle, seconds, settings) {
  return withChildren(processes, 'idler.mjs', settings, async (children) => {
    await sleep(settle * 1e3);
    const before = children.map(({ pid }) => usage(pid));
    await sleep(seconds * 1e3);
    const after = children.map(({ pid }) => usage(pid));
    let cpu = 0;
    let wakeUps = 0;
    for (const [at, end] of after.entries()) {
      cpu += end.cpu - (before[at]?.cpu ?? 0);
      wakeUps += end.wakeUps - (before[at]?.wakeUps ?? 0);
    }
    const cpuAll = (cpu / 1e6) * (60 / seconds);
    return { cpuAll, cpuEach: cpuAll / processes, wakeUpsEach: wakeUps / seconds / processes };
  });
}
