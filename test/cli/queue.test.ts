import { describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { Cli, main } from './cli.ts';
import { CTRL_Z, interactive } from './terminal.ts';

/** A lock that is held, with two in line; resolves when both wait. */
async function crowded(): Promise<{ cli: Cli; holder: Child }> {
  const cli = new Cli();
  const holder = await cli.hold('mirror');
  const first = cli.start(['run', 'mirror', '--purpose', 'second job', '--', 'true']);
  await first.says(/waiting for mirror/, 'stderr');
  const second = cli.start(['run', '--shared', 'mirror', '--', 'true']);
  await second.says(/waiting for mirror/, 'stderr');
  return { cli, holder };
}

const LINE =
  /1\. in line: "second job" \(pid \d+.*waiting for .*\n {2}2\. in line: "true" .*shared, waiting for/;

describe('the line before a lock', () => {
  it('is told by who, in its order, and counted by ls [R82]', async () => {
    const { cli } = await crowded();

    expect((await cli.run(['who', 'mirror'])).stdout).toMatch(LINE);
    expect((await cli.run(['ls'])).stdout).toMatch(/\n *mirror +exclusive +kernel +\d+ +\S+ +.* +2 +\S/);
    expect(await cli.json(['who', '--json', 'mirror'])).toMatchObject({
      waiters: [{ mode: 'exclusive', record: { purpose: 'second job' } }, { mode: 'shared' }],
    });
  });

  it('is watched by top, which prints again and again where there is no terminal [R82]', async () => {
    const { cli } = await crowded();

    const { code, stdout } = await cli.run(['top', '--count', '2', '--interval', '1ms']);

    expect(code).toBe(0);
    expect(stdout.match(/^NAME +STATE/gm)).toHaveLength(2);
    expect(stdout).toMatch(LINE);
    const lines = (await cli.run(['top', '--json', '--count', '1'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ locks: [{ resource: 'mirror' }] }]);
  });

  it('is looked at once by top, which then pauses for as long as it is told, also for months [R82]', async () => {
    const { cli } = await crowded();
    const top = cli.start(['top', '--interval', '30d']);
    await top.says(LINE);

    // Another one starts and looks a hundred times meanwhile: whoever does not pause has looked again by then.
    await cli.run(['top', '--count', '100', '--interval', '1ms']);
    top.signal('SIGTERM');

    const { stdout, stderr } = await top.exits();
    expect(stdout.match(/^NAME +STATE/gm)).toHaveLength(1);
    expect(stderr).toBe('');
  });

  it('is not watched by top any more when nobody reads what it prints', async () => {
    const { cli } = await crowded();
    const top = cli.start(['top', '--interval', '10ms']);
    await top.says(LINE);

    top.process.stdout?.destroy();

    expect(await top.exits()).toMatchObject({ code: 0, stderr: '' });
  });

  it('is redrawn in place by top on a terminal, which q leaves as it was [R82]', async () => {
    const { cli, holder } = await crowded();
    const top = cli.onTerminal(['top', '--interval', '10ms'], { env: { TERM: 'xterm' } });
    await top.says(/2\. in line/);
    holder.closeInput();
    await top.says(/2\. in line[\s\S]*mirror +(\S+)?free/);

    top.write('q');

    const { code, stdout } = await top.exits();
    expect(code).toBe(0);
    expect(stdout).toContain('\u001b[?1049h');
    expect(stdout.endsWith('\u001b[?1049l')).toBe(true);
  });

  it('is left by top at Ctrl-Z, with the screen as it was, and taken up again by fg [X38, R82]', async () => {
    const { cli } = await crowded();
    const typing = interactive(cli, 'bash');
    typing.write(`TERM=xterm '${process.execPath}' '${main}' top --interval 10ms\n`);
    await typing.says(/\[\?1049h[\s\S]*2\. in line/);
    typing.write(CTRL_Z);
    await typing.says(/\[\?1049l[\s\S]*Stopped/);
    typing.write('fg\n');
    await typing.says(/Stopped[\s\S]*\[\?1049h[\s\S]*2\. in line/);
    typing.write('q');
    await typing.says(/\[\?1049l[\s\S]*\[\?1049l/);
    typing.write('exit $?\n');
    expect(await typing.exits()).toMatchObject({ code: 0 });
  });
});

describe('run with permits', () => {
  it('lets in as many commands as there are permits, and ends with 75 for one more [A3]', async () => {
    const cli = new Cli();
    await cli.hold('--permits', '2', 'pool');
    await cli.hold('--permits', '2', 'pool');

    const third = await cli.run(['run', '-n', '--permits', '2', 'pool', '--', 'echo', 'ran']);

    expect(third).toMatchObject({ code: 75, stdout: '' });
    expect(third.stderr).toMatch(/pool is held by .* and 1 other/);
  });

  it('refuses another number than the holders agreed on, by name [R82]', async () => {
    const cli = new Cli();
    await cli.hold('--permits', '2', 'pool');

    const other = await cli.run(['run', '--permits', '3', 'pool', '--', 'echo', 'ran']);

    expect(other).toMatchObject({ code: 125, stdout: '' });
    expect(other.stderr).toContain('pool is held with 2 permits, and was asked for with 3 permits');
  });

  it.each(['0', '1001', 'two', '-1', '1.5'])(
    'refuses %s permits before anything happens [R82]',
    async (word) => {
      const cli = new Cli();

      const result = await cli.run(['run', `--permits=${word}`, 'pool', '--', 'echo', 'ran']);

      expect(result).toMatchObject({ code: 125, stdout: '', stderr: expect.stringContaining(word) });
    },
  );
});
