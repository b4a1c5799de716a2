import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from 'holdfast/once';
import { timeProgram } from '../lib/children.mjs';
import { interleave } from '../lib/rounds.mjs';
import { median, summarize } from '../lib/stats.mjs';
import { span, times } from '../lib/table.mjs';

export const measures =
  'a result that is on record: once against one file read, holdfast once against node -e 0';

const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** @typedef {import('../main.mjs').Context} Context */

/** @param {Context} context */
export async function run(context) {
  await library(context);
  await commandLine(context);
}

/** @param {Context} context */
async function library({ directory, quick, report }) {
  await once('done', () => ({ answer: 42 }), { directory });
  const records = join(directory, 'once');
  const record = join(records, readdirSync(records)[0] ?? '', 'success');
  const never = () => Promise.reject(new Error('it was on record'));
  const timings = await interleave(
    [
      {
        name: 'floor: readFileSync of its record',
        run: (iterations) => {
          for (let i = 0; i < iterations; i++) readFileSync(record);
        },
      },
      {
        name: 'once of a key that is done',
        run: async (iterations) => {
          for (let i = 0; i < iterations; i++) await once('done', never, { directory });
        },
      },
    ],
    quick ? { rounds: 20, slice: 5 } : { rounds: 100, slice: 10 },
  );
  report.table(
    'One call, the result is on record: medians of interleaved rounds',
    ['', 'a call', '× floor'],
    timings.map(({ name, perOperation, ratio }) => [name, span(perOperation), times(ratio)]),
  );
  report.atMost('once of a key that is done, in µs', (timings[1]?.perOperation ?? Number.NaN) / 1e3, 150);
  report.figure('library', timings);
}

/** @param {Context} context */
async function commandLine({ directory, quick, report }) {
  const environment = { ...process.env, HOLDFAST_HOME: join(directory, 'home') };
  const words = [COMMAND, 'once', 'done', '--', 'echo', 'ran'];
  for (const _ of ['a run', 'its record']) {
    const { stdout } = spawnSync(process.execPath, words, { env: environment, encoding: 'utf8' });
    if (stdout !== 'ran\n') throw new Error('holdfast once does not work in this build');
  }
  /** @type {[string, string[]][]} */
  const programs = [
    ['floor: node -e 0', ['-e', '0']],
    ['holdfast once done -- echo ran', words],
  ];
  /** @type {number[][]} */
  const samples = [[], []];
  const rounds = quick ? 8 : 40;
  for (let round = 0; round < rounds; round++) {
    for (const [at, [, args]] of programs.entries()) {
      samples[at]?.push(await timeProgram(process.execPath, args, environment));
    }
  }
  const [floor = [], subject = []] = samples;
  const ratio = median(subject.map((value, round) => value / (floor[round] ?? Number.NaN)));
  report.table(
    `Start to exit, ${rounds} interleaved rounds`,
    ['', 'p50', 'p90', '× floor'],
    programs.map(([name], at) => {
      const { p50, p90 } = summarize(samples[at] ?? []);
      return [name, span(p50), span(p90), times(at === 0 ? 1 : ratio)];
    }),
  );
  report.atMost('holdfast once of a done ID over node -e 0', ratio, 1.7);
  report.figure('commandLine', { floor: summarize(floor), subject: summarize(subject), ratio });
}
