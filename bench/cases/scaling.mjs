import { contend, contendInPython, fairness, handoffs } from '../lib/contention.mjs';
import { hasFlock, pythonWithFilelock } from '../lib/peers.mjs';
import { digits, span } from '../lib/table.mjs';

export const measures = 'handoff with 1 to 64 waiting processes, and how peers do it';

const HABIT = { hold: 3, pause: 1 };

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const seconds = quick ? 2 : 4;
  const waiters = quick ? [1, 8] : [1, 2, 4, 8, 16, 32, 64];
  const plans = [
    ...waiters.map((count) => ({ subject: 'holdfast', count })),
    ...[1, 8].map((count) => ({ subject: 'proper-lockfile', count })),
    ...[1, 8].map((count) => ({ subject: 'flock', count })),
    ...[1, 8].map((count) => ({ subject: 'filelock', count })),
  ];
  /** @type {({ name: string, handoff: ReturnType<typeof handoffs> } & ReturnType<typeof fairness>)[]} */
  const rows = [];
  const cells = [];
  for (const { subject, count } of plans) {
    const name = `${NAMES[subject]}, ${count} waiting`;
    const plan = { subject, directory, processes: count + 1, seconds, ...HABIT };
    const turns = await contenders(plan);
    if (turns === undefined) {
      cells.push([name, 'not installed']);
      continue;
    }
    const row = { name, handoff: handoffs(turns), ...fairness(turns, count + 1) };
    rows.push(row);
    cells.push([
      name,
      digits(row.turns / seconds),
      span(row.handoff.p50),
      span(row.handoff.p99),
      span(row.longestWait),
      `${row.most} : ${row.least}`,
      row.overtakings,
    ]);
  }
  report.table(
    `Each holds for ${HABIT.hold} ms and comes back after ${HABIT.pause} ms, for ${seconds} s`,
    ['', 'turns a second', 'handoff p50', 'p99', 'longest wait', 'most : least', 'overtakings'],
    cells,
  );
  /** @param {number} count */
  const p50 = (count) => rows.find(({ name }) => name === `Holdfast, ${count} waiting`)?.handoff.p50 ?? 0;
  if (!quick) report.atMost('p50 with 64 waiting over that with 8', p50(64) / p50(8), 2);
  report.figure('rows', rows);
}

/** @type {Record<string, string>} */
const NAMES = {
  holdfast: 'Holdfast',
  'proper-lockfile': 'proper-lockfile, tries every 10 ms',
  flock: 'flock(1) around bash',
  filelock: 'Python filelock',
};

/**
 * @param {{ subject: string, directory: string, processes: number, seconds: number, hold: number, pause: number }} plan
 */
async function contenders({ subject, ...plan }) {
  if (subject === 'flock' && !hasFlock) return undefined;
  if (subject !== 'filelock') return contend({ subject, ...plan });
  return pythonWithFilelock && contendInPython({ python: pythonWithFilelock, ...plan });
}
