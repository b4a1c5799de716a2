import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tool } from '../support/tool.ts';
import { anyHolder, Example, Registry } from './mirror.ts';

const readme = readFileSync(
  fileURLToPath(new URL('../../examples/mirror/README.md', import.meta.url)),
  'utf8',
);

let registry: Registry;
beforeAll(async () => {
  registry = await Registry.start();
});
afterAll(() => registry.stop());

/** The table of the README: for each operation that is at work, what becomes of the others. */
function matrix(): {
  readonly at: string;
  readonly others: readonly (readonly [line: string, fate: string])[];
}[] {
  const section = readme.split('\n## Who keeps out whom\n')[1]?.split('\n## ')[0] ?? '';
  const [head = [], , ...rows] = (section.match(/^\|.*\|$/gm) ?? []).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
  return rows.map(([at = '', ...fates]) => ({
    at,
    others: fates.map((fate, column) => [head[column + 1] ?? '', fate] as const),
  }));
}

describe('the mirror', () => {
  it('has a row and a column for each of its operations in the README', () => {
    const rows = matrix();
    expect(rows.map(({ at }) => at)).toEqual(rows[0]?.others.map(([line]) => line));
    expect(rows).toHaveLength(9);
  });

  it.each(matrix())(
    'with $at half-way keeps out whom it must, and nobody else [A2, A3]',
    async ({ at, others }) => {
      const example = new Example(registry);
      const holder = await example.halfWay(at);
      const seen: [string, string][] = [];
      for (const [line] of others) {
        const { code, stderr } = await example.run(line);
        seen.push([line, code === 75 ? 'busy' : code === 0 ? 'runs' : `failed (${code}): ${stderr}`]);
        if (code === 75) expect(stderr).toMatch(/was not started: .* is held by "mirror /);
        example.mend();
      }
      expect(seen).toEqual(others);
      expect(await holder.finish()).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it('says who saves when a second save comes, word for word as the README shows it; help helps [A4, A9]', async () => {
    const example = new Example(registry);
    const holder = await example.halfWay('save');
    const second = await example.run('save');
    const [, shown = ''] = /^\$ mirror save\n(holdfast: .*)$/m.exec(readme) ?? [];
    expect(second).toMatchObject({ code: 75, stdout: '' });
    expect(anyHolder(second.stderr.trim())).toBe(anyHolder(shown));
    expect(await example.run('help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^usage: mirror/),
    });
    expect((await holder.finish()).stdout).toContain('saved as latest');
    expect(await example.run('save')).toMatchObject({ code: 0, stdout: 'saved as latest\n' });
  });

  it.each([
    ['sync', 'sync now', 75],
    ['sync', 'verify all', 75],
    ['sync', '--quiet sync', 75],
    ['install knots', 'install knots bends', 75],
    ['install knots', 'uninstall knots/', 1],
    ['install knots', 'uninstall ../installed/knots', 1],
  ])(
    'with %s half-way does nothing for %s, which is not how it is meant to be called',
    async (at, line, code) => {
      const example = new Example(registry);
      const holder = await example.halfWay(at);
      expect(await example.run(line)).toMatchObject({ code, stdout: '' });
      expect((await holder.finish()).code).toBe(0);
    },
  );

  it('saves as often as it is asked to [A10]', async () => {
    const example = new Example(registry);
    for (const name of ['monday', 'tuesday']) {
      expect(await example.run(`save ${name}`)).toMatchObject({ code: 0, stdout: `saved as ${name}\n` });
      expect(existsSync(join(example.data, `snapshots/${name}.tgz`))).toBe(true);
    }
  });

  it('keeps the lock of a save whose wrapper was killed, and is free when the save itself is [A5, H11]', async () => {
    const example = new Example(registry);
    const holder = await example.halfWay('save');
    const [, command] = /command pid (\d+)/.exec((await example.run('save')).stderr) ?? [];
    await holder.killWrapper();
    expect((await example.run('save')).code).toBe(75);
    process.kill(Number(command), 'SIGKILL');
    await example.untilFree('snapshots');
    expect(await example.run('save')).toMatchObject({ code: 0, stdout: 'saved as latest\n' });
  });

  it('fetches, checks, repairs, restores, installs and bundles for real', async () => {
    const example = new Example(registry);
    const says = async (line: string) => {
      const { code, stdout, stderr } = await example.run(line);
      return `${code} ${stdout}${stderr}`;
    };
    rmSync(example.data, { recursive: true });
    mkdirSync(example.data);
    expect(await says('verify')).toContain('1 ');
    expect(await says('sync')).toBe(
      '0 fetched bends\nfetched hitches\nfetched knots\n3 packages are whole\n',
    );
    expect(await says('sync')).toBe('0 3 packages are whole\n');
    expect(await says('save good')).toBe('0 saved as good\n');

    writeFileSync(join(example.data, 'packages/knots.tgz'), 'frayed');
    expect(await says('verify')).toMatch(
      /^1 .*mirror: a package is damaged: mirror sync, or mirror load\n$/s,
    );
    expect(await says('install knots')).toBe('1 mirror: knots is damaged: mirror sync\n');
    expect(await says('load good')).toBe('0 3 packages are whole\n');
    writeFileSync(join(example.data, 'packages/knots.tgz'), 'frayed again');
    expect(await says('sync')).toBe('0 fetched knots\n3 packages are whole\n');

    expect(await says('install knots')).toBe('0 installed knots\n');
    expect(readFileSync(join(example.data, 'installed/knots/README'), 'utf8')).toContain('bowline');
    expect(await says('bundle knots')).toBe('0 bundled knots\n');
    expect(tool('tar', ['-tzf', join(example.data, 'bundles/bundle.tgz')])).toContain('knots/README\n');
    expect(await says('uninstall knots')).toBe('0 uninstalled knots\n');
    expect(await says('uninstall knots')).toBe('1 mirror: knots is not installed\n');
  });

  it('has rules in which nothing is found, and is run with a warning where it has none [A7]', async () => {
    const example = new Example(registry);
    expect(await example.holdfast('rules', 'check')).toMatchObject({
      code: 0,
      stdout: '8 operations checked, nothing found\n',
    });
    expect(await example.run('frobnicate')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^holdfast: warning: no operation in .*holdfast\.yaml matches mirror frobnicate; it runs without a lock\nmirror: there is no operation frobnicate: mirror help\n$/,
      ),
    });
  });
});

it('the mirror without its rules is what two saves at once make of it: both run', async () => {
  const example = new Example(registry);
  const first = await example.halfWay('save', example.tool);
  expect(await example.run('save', example.tool)).toMatchObject({ code: 0, stdout: 'saved as latest\n' });
  expect(await first.finish()).toMatchObject({ code: 1, stderr: expect.stringContaining('.latest.new') });
});
