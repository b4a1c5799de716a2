import { Mutex } from 'async-mutex';
import { LockManager } from 'holdfast';
import { interleave } from '../lib/rounds.mjs';
import { digits, span, times } from '../lib/table.mjs';

export const measures = 'async functions of one process that contend for one lock, against async-mutex';

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const locks = new LockManager({ directory, timeout: Number.POSITIVE_INFINITY });
  const mutex = new Mutex();
  const rows = [];
  for (const loops of [1, 8, 64]) {
    const candidates = [
      { name: 'async-mutex', run: contended(loops, () => mutex.runExclusive(() => undefined)) },
      { name: 'Holdfast', run: contended(loops, () => locks.with('contended', () => undefined)) },
    ];
    const timings = await interleave(
      candidates,
      quick ? { rounds: 10, slice: 20 } : { rounds: 40, slice: 40 },
    );
    for (const timing of timings) rows.push({ loops, ...timing });
  }
  report.table(
    'Turns of with() and runExclusive(), empty body',
    ['', 'loops', 'a turn', 'turns a second', '× async-mutex'],
    rows.map(({ name, loops, perOperation, ratio }) => [
      name,
      loops,
      span(perOperation),
      digits(1e9 / perOperation),
      times(ratio),
    ]),
  );
  for (const loops of [8, 64]) {
    const row = rows.find((each) => each.name === 'Holdfast' && each.loops === loops);
    report.atLeast(`throughput of ${loops} loops over async-mutex`, 1 / (row?.ratio ?? Number.NaN), 0.5);
  }
  report.figure('rows', rows);
}

/** @param {number} loops @param {() => Promise<unknown>} turn */
function contended(loops, turn) {
  return async (/** @type {number} */ iterations) => {
    const each = Math.ceil(iterations / loops);
    const loop = async () => {
      for (let i = 0; i < each; i++) await turn();
    };
    await Promise.all(Array.from({ length: loops }, loop));
  };
}
