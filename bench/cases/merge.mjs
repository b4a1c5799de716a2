import { merge } from 'holdfast/merge';
import { interleave } from '../lib/rounds.mjs';
import { span, times } from '../lib/table.mjs';

export const measures =
  'merge: 5,200 records with 50 edits against JSON.parse and JSON.stringify of their text';

const RECORDS = 5200;
const EDITS = 25;

/** @typedef {{ id: number, name: string, permissions: string[], limits: { seats: number, storage: number }, lastUpdated: string }} Role */

/** @param {import('../main.mjs').Context} context */
export async function run({ quick, report }) {
  const base = { version: 1, roles: Array.from({ length: RECORDS }, (_, at) => role(at)) };
  const text = JSON.stringify(base);
  // As three files are read, so that nothing is one object in two of them.
  const [ours, theirs, moved] = [edited(text, 0), edited(text, 1), edited(text, 1)];
  moved.roles.unshift(...moved.roles.splice(RECORDS / 2, 10));
  const options = { volatile: ['lastUpdated'] };
  const { conflicts } = merge(base, ours, theirs, options);
  if (conflicts.length > 0) throw new Error(`${conflicts.length} conflicts, where none was expected`);

  const timings = await interleave(
    [
      {
        name: `floor: JSON.parse and JSON.stringify, ${(text.length / 1e6).toFixed(1)} MB`,
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) JSON.stringify(JSON.parse(text));
        },
      },
      {
        name: 'merge, 25 edits a side',
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) merge(base, ours, theirs, options);
        },
      },
      {
        name: 'merge, and theirs has moved 10 records',
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) merge(base, ours, moved, options);
        },
      },
      {
        name: 'peer: structuredClone of one version',
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) structuredClone(base);
        },
      },
    ],
    quick ? { rounds: 5, slice: 100 } : { rounds: 20, slice: 300 },
  );
  report.table(
    `A merge of ${RECORDS} records with ${2 * EDITS} edits: medians of interleaved rounds`,
    ['', 'a call', '× floor'],
    timings.map(({ name, perOperation, ratio }) => [name, span(perOperation), times(ratio)]),
  );
  for (const { name, ratio } of timings.slice(1, 3)) report.atMost(`${name}, over its floor`, ratio, 6);
  report.figure('merge', timings);
}

/** @param {number} id @returns {Role} */
function role(id) {
  return {
    id,
    name: `role ${id}`,
    permissions: ['read', 'write', 'share', 'export', 'audit'].slice(id % 3),
    limits: { seats: id % 100, storage: (id * 37) % 1000 },
    lastUpdated: '2026-11-01T10:00:00.000Z',
  };
}

/** @param {string} text @param {number} side */
function edited(text, side) {
  /** @type {{ version: number, roles: Role[] }} */
  const file = JSON.parse(text);
  for (let edit = 0; edit < EDITS; edit++) {
    const one = /** @type {Role} */ (file.roles[(edit * 2 + side) * 97]);
    one.limits.seats += 1 + side;
    one.lastUpdated = `2026-11-0${2 + side}T10:00:00.000Z`;
  }
  return file;
}
