import { spawn } from 'node:child_process';
import fs, {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Conf from 'conf';
import { openDocument } from 'holdfast/document';
import { JSONFilePreset } from 'lowdb/node';
import { writeFileAtomic } from '../lib/peers.mjs';
import { interleave } from '../lib/rounds.mjs';
import { span, times } from '../lib/table.mjs';

export const measures = 'documents: a durable update, many at once, and a cached read, beside other packages';

const BYTES = 10_000;
const MANY = 1_000;

/** @typedef {{ seats: number, roles: { id: number, name: string, permissions: string[] }[] }} Roles */

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const path = join(directory, 'roles.json');
  const apart = join(directory, 'floor'); // where nobody watches: what the system tells of it would be paid for by others
  mkdirSync(apart);
  const text = `${JSON.stringify(roles(), undefined, 2)}\n`;
  writeFileSync(path, text);
  /** @type {import('holdfast/document').Document<Roles>} */
  const document = await openDocument(path);
  const peers = await peersIn(join(directory, 'peers'), text);
  /** @param {Roles} draft */
  const raise = (draft) => void draft.seats++;

  const updates = await interleave(
    [
      {
        name: 'open, write, fsync, rename, fsync of the directory (floor)',
        run: (count) => {
          for (let i = 0; i < count; i++) writeDurably(apart, join(apart, 'floor.json'), `${i}${text}`);
        },
      },
      {
        name: 'document.update',
        run: async (count) => {
          for (let i = 0; i < count; i++) await document.update(raise);
        },
      },
      ...peers.updates,
    ],
    quick ? { rounds: 10, slice: 50 } : { rounds: 40, slice: 200 },
  );
  table(report, `An update of a document of ${text.length} bytes; medians of interleaved rounds`, updates);
  report.atMost('document.update over the floor', updates[1]?.ratio ?? Number.NaN, 1.3);

  const { writes, ms } = await manyAtOnce(() => document.update(raise));
  report.table(
    `${MANY} updates that do not await one another`,
    ['durable writes', 'ms'],
    [[writes, ms.toFixed(1)]],
  );
  report.atMost(`durable writes of ${MANY} updates`, writes, 20);

  const reads = await interleave(
    [
      {
        name: 'statSync (floor)',
        run: (count) => {
          for (let i = 0; i < count; i++) statSync(path);
        },
      },
      {
        name: 'document.read',
        run: (count) => {
          for (let i = 0; i < count; i++) document.read();
        },
      },
      ...peers.reads,
    ],
    quick ? { rounds: 10, slice: 30 } : { rounds: 40, slice: 100 },
  );
  table(report, 'A read of what is known; medians of interleaved rounds', reads);
  report.atMost('document.read over statSync', reads[1]?.ratio ?? Number.NaN, 3);
  report.figure('updates', updates);
  report.figure('reads', reads);
  peers.end();
  await document.close();
}

/** @param {import('../main.mjs').Context['report']} report @param {string} title @param {readonly import('../lib/rounds.mjs').Timing[]} timings */
function table(report, title, timings) {
  report.table(
    title,
    ['', 'takes', '× floor'],
    timings.map(({ name, perOperation, ratio }) => [name, span(perOperation), times(ratio)]),
  );
}

/** How many syncs of a file and its directory it took, and how long. @param {() => Promise<unknown>} update */
async function manyAtOnce(update) {
  const own = fs.fsyncSync;
  let syncs = 0;
  fs.fsyncSync = (fd) => {
    syncs++;
    own(fd);
  };
  syncBuiltinESMExports();
  const began = performance.now();
  await Promise.all(Array.from({ length: MANY }, update));
  const ms = performance.now() - began;
  fs.fsyncSync = own;
  syncBuiltinESMExports();
  if (syncs === 0) throw new Error('no sync was seen');
  return { writes: Math.ceil(syncs / 2), ms };
}

/** @param {string} directory @param {string} text */
async function peersIn(directory, text) {
  mkdirSync(directory);
  const value = /** @type {Roles} */ (JSON.parse(text));
  const conf = new Conf({ cwd: directory, configName: 'conf', projectName: 'bench' });
  conf.set(/** @type {never} */ (value));
  const low = await JSONFilePreset(join(directory, 'low.json'), value);
  const sqlite = new Sqlite(join(directory, 'roles.db'), text.length);
  let turn = 0;
  return {
    updates: [
      {
        name: 'peer: conf 15 (no sync of the directory, no lock)',
        run: (/** @type {number} */ count) => {
          for (let i = 0; i < count; i++) conf.set('seats', turn++);
        },
      },
      {
        name: 'peer: lowdb 7 (no sync at all, no lock)',
        run: async (/** @type {number} */ count) => {
          for (let i = 0; i < count; i++) await low.update((data) => void data.seats++);
        },
      },
      {
        name: 'peer: write-file-atomic 7 (no sync of the directory, no lock)',
        run: async (/** @type {number} */ count) => {
          for (let i = 0; i < count; i++)
            await writeFileAtomic(join(directory, 'wfa.json'), `${turn++}${text}`);
        },
      },
      {
        name: 'peer: SQLite, WAL and synchronous=FULL, by Python',
        run: (/** @type {number} */ count) => sqlite.run(count),
      },
    ],
    reads: [
      {
        name: 'peer: conf 15, which reads the file',
        run: (/** @type {number} */ count) => {
          for (let i = 0; i < count; i++) conf.get('seats');
        },
      },
    ],
    end: () => sqlite.end(),
  };
}

/** A program that stores the text in a row, again and again. */
class Sqlite {
  #child;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {string} path @param {number} bytes */
  constructor(path, bytes) {
    const script = fileURLToPath(new URL('../children/sqlite-loop.py', import.meta.url));
    this.#child = spawn('python3', [script, path, String(bytes)], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line === 'done') this.#waiting.shift()?.();
    });
  }

  /** @param {number} count @returns {Promise<void>} */
  run(count) {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${count}\n`);
    });
  }

  end() {
    this.#child.stdin.end();
  }
}

/** @returns {Roles} */
function roles() {
  const all = [];
  for (let id = 1, length = 0; length < BYTES; id++) {
    const role = { id, name: `role ${id}`, permissions: ['read', 'write'] };
    length += JSON.stringify(role, undefined, 2).length + 1;
    all.push(role);
  }
  return { seats: 0, roles: all };
}

/** @param {string} directory @param {string} path @param {string} text */
function writeDurably(directory, path, text) {
  const fd = openSync(`${path}.new`, 'wx');
  writeSync(fd, text);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${path}.new`, path);
  const parent = openSync(directory, 'r');
  fsyncSync(parent);
  closeSync(parent);
}
