import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { until } from '../support/until.ts';
import { Cli } from './cli.ts';

describe('ls', () => {
  it('says so when there are no locks [R82]', async () => {
    const cli = new Cli();
    expect((await cli.run(['ls'])).stdout).toBe(`no locks in ${join(cli.home, 'locks')}\n`);
    expect(await cli.json(['ls', '--json'])).toEqual([]);
  });

  it('lists free and held locks with mode, holder and time [R82]', async () => {
    const cli = new Cli();
    await cli.run(['run', 'free one', '--', 'true']);
    const mirror = await cli.hold('mirror', '--purpose', 'nightly save');
    await cli.hold('--shared', 'reports');
    await cli.hold('--shared', 'reports');
    const { stdout } = await cli.run(['ls']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^NAME +STATE +CONTRACT +PID +USER +SINCE +WAITING +HELD BY$/);
    expect(lines[1]).toMatch(/^free one +free +kernel$/);
    expect(lines[2]).toMatch(
      new RegExp(
        `^mirror +exclusive +kernel +${mirror.pid} +\\S+ +\\d\\d:\\d\\d:\\d\\d \\(.+\\) +- +nightly save$`,
      ),
    );
    expect(lines.slice(3)).toEqual([
      expect.stringMatching(/^reports +shared /),
      expect.stringMatching(/^reports +shared /),
    ]);
    expect(await cli.json(['ls', '--json'])).toMatchObject([
      { resource: 'free one', state: 'free', holders: [], contract: 'kernel' },
      { resource: 'mirror', state: 'exclusive', holders: [{ pid: mirror.pid, purpose: 'nightly save' }] },
      {
        resource: 'reports',
        state: 'shared',
        holders: [{ pid: expect.any(Number) }, { pid: expect.any(Number) }],
      },
    ]);
    expect((await cli.run(['ls', '--names'])).stdout).toBe('free one\nmirror\nreports\n');
  });
});

describe('who', () => {
  it('exits with 0 and names the holder, or with 1 when the lock is free [G12]', async () => {
    const cli = new Cli();
    expect(await cli.run(['who', 'x'])).toMatchObject({ code: 1, stdout: 'x is free\n', stderr: '' });
    const holder = await cli.hold('x');
    const held = await cli.run(['who', 'x']);
    expect(held.code).toBe(0);
    expect(held.stdout).toMatch(/^x is held by ".*" \(pid \d+, command pid \d+, user .*, since .*\)\n$/);
    expect(await cli.json(['who', '--json', 'x'])).toMatchObject({
      resource: 'x',
      state: 'exclusive',
      holders: [{ pid: holder.pid, child: { pid: expect.any(Number) } }],
    });
  });

  it('names every holder of a shared lock [G12]', async () => {
    const cli = new Cli();
    await cli.hold('--shared', 'x', '--purpose', 'first');
    await cli.hold('--shared', 'x', '--purpose', 'second');
    expect((await cli.run(['who', 'x'])).stdout).toMatch(
      /^x is held shared by\n {2}"first" .*\n {2}"second" .*\n$/,
    );
  });
});

describe('wait', () => {
  it('ends when every lock is free, at once when they are', async () => {
    const cli = new Cli();
    expect(await cli.run(['wait', 'a', 'b'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const holder = await cli.hold('a');
    const waiter = cli.start(['wait', 'a', 'b']);
    await waiter.says(/waiting for a, held by/, 'stderr');
    holder.closeInput();
    expect(await waiter.exits()).toMatchObject({ code: 0, signal: null, stdout: '' });
  });

  it('ends with --any when one is free, and says which', async () => {
    const cli = new Cli();
    const [a] = [await cli.hold('a'), await cli.hold('b')];
    const waiter = cli.start(['wait', '--any', 'a', 'b']);
    await waiter.says(/waiting for b/, 'stderr');
    a.closeInput();
    expect(await waiter.exits()).toMatchObject({ code: 0, stdout: 'a\n' });
    expect(await cli.json(['wait', '--any', '--json', 'b', 'a'])).toEqual({ free: ['a'] });
  });

  it('ends with 124 when it takes too long, naming the holder [G14]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const late = await cli.run(['wait', '-w', '100ms', 'x']);
    expect(late).toMatchObject({ code: 124, stdout: '' });
    expect(late.stderr).toMatch(/holdfast: x is held by .* \(pid \d+.*\); waited 100ms\n$/);
    expect((await cli.run(['wait', '-w', '0', 'x'])).code).toBe(124);
  });

  it.each(['--directory', '--any'])(
    'does not wait for a free lock with a timeout of 0 (%s) [X29]',
    async (option) => {
      const cli = new Cli();
      const options = option === '--any' ? [option] : [option, cli.home];
      expect(await cli.run(['wait', '-w', '0', ...options, 'x', './y'])).toMatchObject({
        code: 0,
        stderr: '',
      });
    },
  );

  it('ends with 124 at once when one of several is held and the timeout is 0, naming that one [X29]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    expect(await cli.run(['wait', '-w', '0', 'y', 'x'])).toMatchObject({
      code: 124,
      stderr: expect.stringMatching(/^holdfast: x is held by .*; waited 0ms\n$/),
    });
    expect(await cli.run(['wait', '-w', '0', '--any', 'x', 'y'])).toMatchObject({ code: 0, stdout: 'y\n' });
  });
});

describe('log', () => {
  /** A log that is followed, and has shown a run. */
  async function following(cli: Cli): Promise<Child> {
    const follower = cli.start(['log', '--follow', '-n', '0']);
    const isShown = async () => {
      await cli.run(['run', 'x', '--', 'true']);
      return /granted {4}x/.test(follower.stdout);
    };
    await until(isShown, 'the log shows a run');
    return follower;
  }

  it('shows what runs did, last lines last [R70]', async () => {
    const cli = new Cli();
    expect((await cli.run(['log'])).stderr).toMatch(/nothing has been logged yet/);
    await cli.run(['run', 'x', '--purpose', 'nightly save', '--', 'true']);
    const { stdout } = await cli.run(['log']);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d {2}requested {2}x {2}"nightly save" \(pid \d+, user .*\)$/),
      expect.stringMatching(/granted {4}x {2}"nightly save"/),
      expect.stringMatching(/released {3}x {2}held .* {2}"nightly save"/),
      '',
    ]);
    const lines = (await cli.run(['log', '--json', '-n', '2'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['granted', 'released']);
  });

  it('follows the log as it grows [R70]', async () => {
    const cli = new Cli();
    const follower = await following(cli);
    follower.signal('SIGTERM');
    expect((await follower.exits()).signal).toBe('SIGTERM');
  });

  it('is not followed any more when nobody reads what is shown', async () => {
    const cli = new Cli();
    const follower = await following(cli);

    follower.process.stdout?.destroy();
    await cli.run(['run', 'x', '--', 'true']);

    expect(await follower.exits()).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows lines that are no events harmlessly', async () => {
    const cli = new Cli();
    const hostile =
      '\u001b[2Jnot json\n{"event":7,"resource":{},"holders":[null]}\n{"event":"granted","at":"never"}\n7\n';
    appendFileSync(join(cli.home, 'audit.jsonl'), hostile);
    const { code, stdout } = await cli.run(['log']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(5);
    expect(stdout).not.toContain('\u001b');
  });

  it('is not written with HOLDFAST_AUDIT=off, and a lock does not fail for its sake [F13]', async () => {
    const cli = new Cli();
    const off = { HOLDFAST_AUDIT: 'off' };
    expect((await cli.run(['run', 'x', '--', 'echo', 'ran'], { env: off })).stdout).toBe('ran\n');
    expect(() => readFileSync(join(cli.home, 'audit.jsonl'))).toThrow();
    const file = join(cli.home, 'file');
    writeFileSync(file, '');
    const unwritable = { HOLDFAST_HOME: file };
    const directory = join(cli.home, 'locks');
    const result = await cli.run(['run', '--directory', directory, 'x', '--', 'echo', 'ran'], {
      env: unwritable,
    });
    expect(result).toMatchObject({ code: 0, stdout: 'ran\n' });
  });
});

it('colours are for terminals: none in pipes', async () => {
  const cli = new Cli();
  await cli.hold('x');
  for (const command of ['ls', 'log']) expect((await cli.run([command])).stdout).not.toContain('\u001b');
});

it('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect((await new Cli().run(['--version'])).stdout).toBe(`${version}\n`);
});
