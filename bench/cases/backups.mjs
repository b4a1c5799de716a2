import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Backups } from '../../dist/document/backups/backups.js';
import { prepareRecovery } from '../../dist/document/recovery/recovery.js';
import { finish } from '../../dist/lock/work.js';
import { interleave } from '../lib/rounds.mjs';
import { span, times } from '../lib/table.mjs';

export const measures =
  'a backup of a document of 1 MB, and its recovery, against a durable write of that text';

const MEGABYTE = 1_000_000;
const MILLISECOND = 1e6;

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const path = join(directory, 'roles.json');
  const text = roles();
  const backups = new Backups(path, { newest: 2, days: 0 });
  let version = 0;
  const next = () => text.replace(/\d{9}/, String(1e8 + version++));
  /** @param {string} given @returns {import('../../src/lock/work.ts').Work<boolean>} */
  // biome-ignore lint/correctness/useYield: it takes no time
  const isGood = function* (given) {
    return JSON.parse(given) !== null;
  };
  /** @param {'save' | 'delete'} reason */
  const back = (reason) => () => {
    backups.write(next(), reason);
    backups.rotate((bytes) => bytes.length > 0);
  };

  writeDurably(path, text);
  const candidates = {
    'durable write (floor)': () => writeDurably(path, next()),
    'backup for a save': back('save'),
    'backup before something is destroyed': back('delete'),
    recovery: () => {
      const bytes = readFileSync(path).subarray(0, MEGABYTE / 2);
      const recovery = finish(prepareRecovery(backups, { bytes, writtenAt: new Date() }, isGood));
      if (recovery === undefined) throw new Error('nothing to recover from');
      writeDurably(path, recovery.text);
      unlinkSync(join(directory, recovery.restored.corrupt ?? '')); // each recovery keeps its own
    },
  };
  const timings = await interleave(
    Object.entries(candidates).map(([name, once]) => ({
      name,
      run: (/** @type {number} */ count) => {
        for (let done = 0; done < count; done++) once();
      },
    })),
    { rounds: quick ? 10 : 40, slice: quick ? 50 : 200 },
  );
  report.table(
    'A document of 1 MB; medians of interleaved rounds',
    ['', 'takes', '× floor'],
    timings.map(({ name, perOperation, ratio }) => [name, span(perOperation), times(ratio)]),
  );
  const [, save, destroyed, recovery] = timings;
  for (const [timing, longest] of /** @type {const} */ ([
    [save, 50],
    [destroyed, 50],
    [recovery, 100],
  ])) {
    report.atMost(`${timing?.name} over the floor`, timing?.ratio ?? Number.NaN, 3);
    report.atMost(`ms of a ${timing?.name}`, (timing?.perOperation ?? Number.NaN) / MILLISECOND, longest);
  }
  report.figure('timings', timings);
}

function roles() {
  const records = [];
  for (let id = 1e8, length = 0; length < MEGABYTE; id++) {
    const record = { id, name: `role ${id}`, permissions: ['read', 'write'], lastUpdated: '2026-11-27' };
    length += JSON.stringify(record).length + 1;
    records.push(record);
  }
  return JSON.stringify({ roles: records });
}

/** @param {string} path @param {string} text */
function writeDurably(path, text) {
  const fd = openSync(`${path}.new`, 'w');
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${path}.new`, path);
  const directory = openSync(dirname(path), 'r');
  fsyncSync(directory);
  closeSync(directory);
}
