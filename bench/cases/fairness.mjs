import { contend, fairness, handoffs } from '../lib/contention.mjs';
import { digits, span } from '../lib/table.mjs';

export const measures =
  'processes that want one lock all the time: how evenly and in which order they are served';

const PROCESSES = 8;

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const seconds = quick ? 2 : 10;
  const habits = [
    { name: 'no hold, no pause', hold: 0, pause: 0 },
    { name: '1 ms hold, no pause', hold: 1, pause: 0 },
    { name: '1 ms hold, 1 ms pause', hold: 1, pause: 1 },
  ];
  const rows = [];
  for (const { name, ...habit } of habits) {
    const turns = await contend({ subject: 'holdfast', directory, processes: PROCESSES, seconds, ...habit });
    rows.push({ name, ...fairness(turns, PROCESSES), handoff: handoffs(turns) });
  }
  report.table(
    `${PROCESSES} processes for ${seconds} s; violations: grants before somebody who was in the queue before the call began`,
    ['', 'grants a second', 'most : least', 'violations', 'longest wait', 'handoff p50', 'p99', 'over 40 ms'],
    rows.map(({ name, turns, most, least, violations, longestWait, handoff }) => [
      name,
      digits(turns / seconds),
      `${most} : ${least}`,
      violations,
      span(longestWait),
      span(handoff.p50),
      span(handoff.p99),
      handoff.late,
    ]),
  );
  const worst = Math.max(...rows.map(({ ratio }) => ratio));
  const violations = rows.reduce((sum, row) => sum + row.violations, 0);
  const late = rows.reduce((sum, { handoff }) => sum + handoff.late, 0);
  const count = rows.reduce((sum, { handoff }) => sum + handoff.count, 0);
  report.atMost('most over least grants of a process', worst, 1.1);
  report.atMost('violations of the order', violations, 0);
  report.atMost(`hand-overs by a timer in ${count}`, late, 0);
  report.figure('habits', rows);
}
