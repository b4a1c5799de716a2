import { withChild } from '../lib/children.mjs';
import { digits } from '../lib/table.mjs';

export const measures = 'memory for each held lock and for each wait in one process';

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const count = quick ? 1_000 : 10_000;
  const rows = [];
  for (const what of ['held', 'waiting']) {
    rows.push({ what, ...(await measure({ directory, count, what })) });
  }
  report.table(
    `Bytes each, over ${count} of them in a process of its own`,
    ['', 'JavaScript heap', 'array buffers', 'resident'],
    rows.map(({ what, heap, external, resident }) => [
      what === 'held' ? 'a held lock, each of another name' : 'a wait for one and the same lock',
      digits(heap),
      digits(external),
      digits(resident),
    ]),
  );
  report.figure('rows', rows);
}

/** @param {Record<string, unknown>} settings @returns {Promise<{ heap: number, external: number, resident: number }>} */
function measure(settings) {
  return withChild('memory.mjs', settings, (child) => child.ask('measure'));
}
