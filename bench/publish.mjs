// npm run bench:publish: writes the results of the last benchmark runs into docs/performance.md, and their chart.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { barChart } from './lib/chart.mjs';
import { markdown, misses } from './lib/markdown.mjs';

const results = fileURLToPath(new URL('../.cache/bench/', import.meta.url));
const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const chart = fileURLToPath(new URL('../docs/performance.svg', import.meta.url));

const BEGIN = '<!-- results: written by npm run bench:publish -->';
const END = '<!-- end of results -->';
const ORDER = [
  'uncontended',
  'in-process',
  'handoff',
  'fairness',
  'scaling',
  'takeover',
  'idle',
  'memory',
  'cli',
];

/** @type {Map<string, any>} */
const byName = new Map(
  readdirSync(results).map((file) => {
    const result = JSON.parse(readFileSync(`${results}${file}`, 'utf8'));
    return [result.name, result];
  }),
);
const names = [...new Set([...ORDER, ...byName.keys()])].filter((name) => byName.has(name));
const quick = names.filter((name) => byName.get(name).quick);
if (quick.length > 0) {
  console.error(`Only quick results of ${quick.join(', ')}: run npm run bench -- ${quick.join(' ')} first`);
  process.exit(1);
}

const text = readFileSync(page, 'utf8');
const { machine, at } = byName.get(names[0] ?? '');
const sections = [
  `Node.js ${machine.node}, ${machine.platform}, ${machine.processor}, ${at.slice(0, 10)}.`,
  misses(names.map((name) => byName.get(name))),
  ...names.map((name) => markdown(byName.get(name))),
].join('\n\n');
const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
const after = text.slice(text.indexOf(END));
writeFileSync(page, `${before}\n\n${sections}\n\n${after}`);
writeFileSync(chart, barChart(groups()));

/** What the chart compares: nanoseconds under readable names. */
function groups() {
  const cycles = byName.get('uncontended')?.figures.timings ?? [];
  const crowds = byName.get('scaling')?.figures.rows ?? [];
  const floor = byName.get('handoff')?.figures.floors[0]?.p50;
  return [
    {
      title: 'One lock nobody else wants: acquire and release',
      bars: [
        ...pick(cycles, 'floor: bare open, flock, close', 'bare open, flock, close'),
        ...pick(cycles, 'Holdfast acquire + release', 'Holdfast'),
        ...pick(cycles, 'fs-native-extensions open, tryLock, close', 'fs-native-extensions'),
        ...pick(cycles, 'proper-lockfile lock + unlock', 'proper-lockfile'),
        ...pick(cycles, 'flock(1) around true', 'flock(1)'),
      ],
    },
    {
      title: 'Eight processes wait: from a release to the next grant, median',
      bars: [
        ...(floor === undefined ? [] : [{ name: 'bare file event', value: floor }]),
        ...['Holdfast', 'Python filelock', 'proper-lockfile', 'flock(1)'].flatMap((name) => {
          const row = crowds.find(
            (/** @type {{ name: string }} */ each) =>
              each.name.startsWith(name) && each.name.endsWith(', 8 waiting'),
          );
          return row === undefined ? [] : [{ name, value: row.handoff.p50 }];
        }),
      ],
    },
  ];
}

/** @param {readonly { name: string, perOperation: number }[]} timings @param {string} name @param {string} label */
function pick(timings, name, label) {
  const found = timings.find((timing) => timing.name === name);
  return found === undefined ? [] : [{ name: label, value: found.perOperation }];
}
