import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { now, sleep, withChild, withChildren } from '../lib/children.mjs';
import { usage } from '../lib/proc.mjs';
import { median, summarize } from '../lib/stats.mjs';
import { digits, span, times } from '../lib/table.mjs';

export const measures =
  'from a change of a document in another process to the look at it, and what watching costs';

const APART = 2;
/** Milliseconds after the last replacement within which it must have been seen. */
const LONGEST = 1_000;

/** @type {Record<string, string>} */
const NAMES = {
  bare: 'fs.watch of the directory, and a read (floor)',
  holdfast: 'the watch of a document, and a read',
  document: "a document's event external",
};

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const count = quick ? 200 : 1_000;
  const rounds = Number(process.env.HOLDFAST_WATCH_ROUNDS ?? (quick ? 3 : 10));
  /** @type {Record<string, ReturnType<typeof summarize>[]>} */
  const seen = { bare: [], holdfast: [], document: [] };
  let missed = 0;
  for (let round = 0; round < rounds; round++) {
    const hows = Object.keys(seen);
    for (const how of round % 2 === 0 ? hows : hows.toReversed()) {
      const { delays, isLastSeen } = await observe(join(directory, `${how}-${round}`), how, count);
      seen[how]?.push(summarize(delays));
      if (how !== 'bare' && !isLastSeen) missed++;
    }
  }
  /** @param {string} how */
  const ratioOf = (how) =>
    median((seen[how] ?? []).map(({ p50 }, at) => p50 / (seen.bare?.[at]?.p50 ?? Number.NaN)));
  report.table(
    `A file that is replaced ${count} times, ${APART} ms apart; medians of ${rounds} interleaved rounds`,
    ['', 'versions seen', 'p50', 'p99', 'longest', 'p50 × floor'],
    Object.entries(seen).map(([how, list]) => [
      NAMES[how],
      median(list.map((summary) => summary.count)),
      span(median(list.map(({ p50 }) => p50))),
      span(median(list.map(({ p99 }) => p99))),
      span(Math.max(...list.map(({ max }) => max))),
      times(ratioOf(how)),
    ]),
  );
  report.atMost('p50 until a change is seen over the floor', ratioOf('holdfast'), 2);
  report.atMost('p50 until a document tells of it over the floor', ratioOf('document'), 2);
  report.atMost(`rounds in which the last version was not seen within ${LONGEST} ms`, missed, 0);

  const idle = await idleCost(directory, quick);
  report.table(
    'A document that nobody changes',
    ['', 'processor ms a minute', 'wake-ups a second'],
    idle.map(({ name, cpu, wakeUps }) => [name, digits(cpu), digits(wakeUps)]),
  );
  report.atMost(
    'processor time of an idle watch over the floor',
    (idle[1]?.cpu ?? Number.NaN) / (idle[0]?.cpu ?? 0),
    2,
  );
  report.figure('seen', seen);
  report.figure('idle', idle);
}

/** @param {string} directory @param {string} how @param {number} count */
async function observe(directory, how, count) {
  const path = newFile(directory);
  return withChild('document-watcher.mjs', { path, how, idle: false }, (watcher) =>
    withChild('replacer.mjs', { path, count, apart: APART }, async (replacer) => {
      await sleep(200); // its first looks are over
      const text = await replacer.ask('begin');
      const end = now() + LONGEST * 1e6;
      let { delays, last } = await watcher.ask('tell');
      while (last !== text && now() < end) ({ delays, last } = await watcher.ask('tell'));
      return { delays, isLastSeen: last === text };
    }),
  );
}

/** @param {string} directory @param {boolean} quick */
async function idleCost(directory, quick) {
  const [processes, seconds, settle] = quick ? [4, 6, 3] : [8, 30, 15];
  const names = { bare: 'fs.watch and a stat a second (floor)', holdfast: 'Holdfast' };
  /** @type {Record<string, number>[]} */
  const rows = [];
  const path = newFile(join(directory, 'idle'));
  // All at the same time, so that whatever else the machine does meets both.
  await withChildren(processes, 'document-watcher.mjs', { path, how: 'bare', idle: true }, (bare) =>
    withChildren(processes, 'document-watcher.mjs', { path, how: 'holdfast', idle: true }, async (own) => {
      await sleep(settle * 1e3);
      const groups = [bare, own].map((children) => children.map(({ pid }) => pid));
      const before = groups.map((pids) => pids.map(usage));
      await sleep(seconds * 1e3);
      for (const [group, pids] of groups.entries()) {
        const [cpus, wakes] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
        for (const [at, pid] of pids.entries()) {
          const [start, end] = [before[group]?.[at], usage(pid)];
          cpus.push((end.cpu - (start?.cpu ?? 0)) / 1e6 / (seconds / 60));
          wakes.push((end.wakeUps - (start?.wakeUps ?? 0)) / seconds);
        }
        rows.push({ cpu: median(cpus), wakeUps: median(wakes) });
      }
    }),
  );
  return rows.map(({ cpu = 0, wakeUps = 0 }, at) => ({ name: Object.values(names)[at] ?? '', cpu, wakeUps }));
}

/** @param {string} directory */
function newFile(directory) {
  mkdirSync(directory);
  const path = join(directory, 'roles.json');
  writeFileSync(path, '0');
  return path;
}
