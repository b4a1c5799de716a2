import { contend, handoffs } from '../lib/contention.mjs';
import { median, summarize } from '../lib/stats.mjs';
import { span, times } from '../lib/table.mjs';
import { wakeFloor } from '../lib/wake-floor.mjs';

export const measures = 'from a release in one process to the grant in the next, against a bare file event';

/** Crowds up to this size are measured in every round. */
const FEW = 8;

/** Seconds: how long a crowd is watched, and which part at its end counts as warm, when V8 has compiled what runs often. */
const LENGTH = { whole: 15, cold: 3, warm: 5 };
const QUICK = { whole: 6, cold: 3, warm: 3 };

/**
 * @param {import('../main.mjs').Context} context
 */
export async function run({ directory, quick, report }) {
  const crowds = quick ? [2, 8] : [2, 8, 32, 64];
  const rounds = quick ? 1 : 3;
  const { whole, cold, warm } = quick ? QUICK : LENGTH;
  const floors = [];
  /** @type {Map<number, (ReturnType<typeof handoffs> & { ratio: number })[]>} */
  const rows = new Map(crowds.map((processes) => [processes, []]));
  /** @type {typeof rows} */
  const coldRows = new Map(crowds.map((processes) => [processes, []]));
  for (let round = 0; round < rounds; round++) {
    const events = await wakeFloor(directory, quick ? 200 : 1000);
    const floor = summarize(events.slice(quick ? -100 : -300)); // warm as well
    floors.push(floor);
    for (const processes of crowds) {
      if (processes > FEW && round > 0) continue; // hard on the machine, and no ratio to speak of
      const turns = await contend({
        subject: 'holdfast',
        directory,
        processes,
        hold: 3,
        pause: 1,
        seconds: whole,
      });
      const start = turns[0]?.granted ?? 0;
      const parts = [
        { into: coldRows, from: 0, to: cold },
        { into: rows, from: whole - warm, to: whole },
      ];
      for (const { into, from, to } of parts) {
        const part = turns.filter(
          ({ granted }) => granted >= start + from * 1e9 && granted < start + to * 1e9,
        );
        const result = handoffs(part);
        into.get(processes)?.push({ ...result, ratio: result.p50 / floor.p50 });
      }
    }
  }
  /** @param {readonly Record<string, number>[]} list @param {string} key */
  const middle = (list, key) => median(list.map((entry) => entry[key] ?? Number.NaN));
  /** @param {readonly Record<string, number>[]} list @param {string} key */
  const sum = (list, key) => list.reduce((total, entry) => total + (entry[key] ?? 0), 0);

  report.table(
    `Each holds for 3 ms and comes back after 1 ms; the first ${cold} s, and the last ${warm} s of ${whole} (warm); medians of ${rounds} interleaved rounds`,
    ['', 'handoffs', 'p50', 'p99', 'longest', 'p50 × floor', 'over 40 ms', 'overlaps'],
    [
      ['floor: close to callback', sum(floors, 'count'), ...spans(floors), '1.00×', '–', '–'],
      ...crowds.flatMap((processes) => [
        line(`${processes} processes, at first`, coldRows.get(processes) ?? []),
        line(`${processes} processes, warm`, rows.get(processes) ?? []),
      ]),
    ],
  );
  const floorP50 = middle(floors, 'p50');
  for (const [processes, limit] of [
    [2, 2.5],
    [8, 5],
  ]) {
    const list = rows.get(processes ?? 0) ?? [];
    report.atMost(`p50 of ${processes} warm processes over the floor`, middle(list, 'ratio'), limit ?? 0);
    report.atMost(
      `p99 of ${processes} warm processes over the floor's p50`,
      middle(list, 'p99') / floorP50,
      15,
    );
  }
  report.figure('floors', floors);
  report.figure('handoffs', Object.fromEntries(rows));
  report.figure('handoffs at first', Object.fromEntries(coldRows));

  /** @param {string} name @param {readonly Record<string, number>[]} list */
  function line(name, list) {
    const ratio = times(middle(list, 'ratio'));
    return [name, sum(list, 'count'), ...spans(list), ratio, sum(list, 'late'), sum(list, 'overlaps')];
  }

  /** @param {readonly Record<string, number>[]} list */
  function spans(list) {
    return [
      span(middle(list, 'p50')),
      span(middle(list, 'p99')),
      span(Math.max(...list.map(({ max = 0 }) => max))),
    ];
  }
}
