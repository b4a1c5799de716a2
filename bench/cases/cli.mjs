import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeProgram } from '../lib/children.mjs';
import { hasFlock } from '../lib/peers.mjs';
import { median, summarize } from '../lib/stats.mjs';
import { span, times } from '../lib/table.mjs';

export const measures = 'holdfast run around true, against the start of Node.js itself and flock(1)';

const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** @param {import('../main.mjs').Context} context */
export async function run({ directory, quick, report }) {
  const environment = { ...process.env, HOLDFAST_HOME: directory };
  const probe = [COMMAND, 'run', 'bench', '--', 'echo', 'ran'];
  const { stdout } = spawnSync(process.execPath, probe, { env: environment, encoding: 'utf8' });
  if (stdout !== 'ran\n') throw new Error('holdfast run does not work in this build');

  /** @type {[string, string, string[]][]} */
  const programs = [
    ['floor: node -e 0', process.execPath, ['-e', '0']],
    ['holdfast run bench -- true', process.execPath, [COMMAND, 'run', 'bench', '--', 'true']],
    ['holdfast --version', process.execPath, [COMMAND, '--version']],
    ['true', 'true', []],
  ];
  if (hasFlock) programs.push(['flock(1) bench true', 'flock', [join(directory, 'peer'), 'true']]);

  /** @type {number[][]} */
  const samples = programs.map(() => []);
  const rounds = quick ? 8 : 40;
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < programs.length; step++) {
      const at = (step + round) % programs.length;
      const [, command, args] = programs[at] ?? ['', 'true', []];
      samples[at]?.push(await timeProgram(command, args, environment));
    }
  }

  const floor = samples[0] ?? [];
  const rows = programs.map(([name], at) => {
    const own = samples[at] ?? [];
    const ratio = median(own.map((value, round) => value / (floor[round] ?? Number.NaN)));
    return { name, ratio, ...summarize(own) };
  });
  report.table(
    `Start to exit, ${rounds} interleaved rounds`,
    ['', 'p50', 'p90', '× floor'],
    rows.map(({ name, p50, p90, ratio }) => [name, span(p50), span(p90), times(ratio)]),
  );
  report.atMost('holdfast run over node -e 0', rows[1]?.ratio ?? Number.NaN, 1.6);
  report.figure('programs', rows);
}
