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
    `${PROCESSES} processes for ${seconds} s; overtakings: grants before somebody who had asked over 1 ms earlier`,
    [
      '',
      'grants a second',
      'most : least',
      'overtakings',
      'longest wait',
      'handoff p50',
      'p99',
      'over 40 ms',
    ],
    rows.map(({ name, turns, most, least, overtakings, longestWait, handoff }) => [
      name,
      digits(turns / seconds),
      `${most} : ${least}`,
      overtakings,
      span(longestWait),
      span(handoff.p50),
      span(handoff.p99),
      handoff.late,
    ]),
  );
  report.figure('habits', rows);
}
