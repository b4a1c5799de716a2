import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asUser, fixture } from '../support/child.ts';
import { Latch } from '../support/latch.ts';
import { Cli } from './cli.ts';

describe('while it waits, run', () => {
  it('names the holder at once, in one line, and goes on when the lock is free [R8, R82]', async () => {
    const cli = new Cli();
    const holder = await cli.hold('x', '--purpose', 'nightly save');
    const waiter = cli.start(['run', 'x', '--', 'echo', 'ran']);
    const line = /^holdfast: waiting for x, held by "nightly save" \(pid \d+, .*user .*, since \d.*\)\n$/;
    await waiter.says(line, 'stderr');
    holder.closeInput();
    expect(await waiter.exits()).toMatchObject({
      code: 0,
      stdout: 'ran\n',
      stderr: expect.stringMatching(line),
    });
  });

  it('names the command that runs when no purpose was given [A4]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const { stderr } = await cli.run(['run', '-n', 'x', '--', 'true']);
    expect(stderr).toContain(`x is held by "${process.execPath} ${fixture('cli-recorder.mjs')}" (pid`);
  });

  it('shows a line that moves on a terminal, and erases it when the lock is granted [R8]', async () => {
    const cli = new Cli();
    const holder = await cli.hold('x');
    const waiter = cli.onTerminal(['run', 'x', '--', 'echo', 'ran'], { env: { TERM: 'xterm' } });
    await waiter.says(/waiting for x, held by/);
    await waiter.says(/waiting for x \d+ms.*waiting for x \d+ms/s);
    holder.closeInput();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: erasing is an escape sequence
    expect((await waiter.exits()).stdout).toMatch(/\r\u001b\[Kran\r\n$/);
  });

  it('says so once, in a plain line, on a terminal that cannot erase one; so does once [R8]', async () => {
    const cli = new Cli();
    const holder = await cli.hold('x');
    const gate = new Latch(join(cli.home, 'gate'));
    const work = ['sh', '-c', `echo begun; : < ${gate.path}`];
    await cli.start(['once', 'y', '--', ...work]).says(/begun/);
    const env = { TERM: 'dumb' };
    const waiters = [
      cli.onTerminal(['run', 'x', '--', 'echo', 'begun'], { env }),
      cli.onTerminal(['once', 'y', '--', ...work], { env }),
    ];
    for (const waiter of waiters) await waiter.says(/waiting for [^\n]*\n/);
    holder.closeInput();
    gate.open();
    for (const waiter of waiters) {
      const { code, stdout } = await waiter.exits();
      expect(code).toBe(0);
      expect(stdout).toMatch(/^holdfast: waiting for [^\r\n]*\r\nbegun\r\n$/);
    }
  });

  it('tells of the wait as JSON when asked to [R8]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const { code, stderr } = await cli.run(['run', '--json', '-w', '50ms', 'x', '--', 'true']);
    const [waiting, failed, ...rest] = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(124);
    expect(waiting).toMatchObject({
      event: 'waiting',
      resource: 'x',
      holders: [{ pid: expect.any(Number) }],
    });
    expect(failed.error).toMatchObject({
      ...{ code: 'HOLDFAST_TIMEOUT', exitCode: 124, resource: 'x' },
      waited: expect.any(Number),
    });
    expect(rest).toEqual([]);
  });
});

it('while it waits, wait names each lock that is held, also beside one that is free [R8]', async () => {
  const cli = new Cli();
  await cli.hold('x');

  const { code, stderr } = await cli.run(['wait', '-w', '50ms', 'free', 'x']);

  expect(code).toBe(124);
  expect(stderr).toMatch(/^holdfast: waiting for x, held by /);
});

it.each([
  ['-w 30d', ['-w', '30d'], {}],
  ['HOLDFAST_TIMEOUT=60d', [], { HOLDFAST_TIMEOUT: '60d' }],
] as const)(
  'wait goes on for longer than a timer of Node.js can run: %s [R8, R82]',
  async (_how, options, env) => {
    const cli = new Cli();
    const holder = await cli.hold('x');
    const waiting = cli.start(['wait', ...options, 'x'], { env });
    await waiting.says(/waiting for x/, 'stderr');

    await cli.run(['break', '--kill', '--yes', 'x']);
    await holder.exits();

    expect((await waiting.exits()).code).toBe(0);
  },
);

describe('a lock that is not free', () => {
  it('ends -n with 75 at once, naming lock file, holder and what to do [A3, A4, G14]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const { code, stdout, stderr } = await cli.run(['run', '-n', 'x', '--', 'echo', 'ran']);
    expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
    expect(stderr).toMatch(/^holdfast: x is held by .* \(pid \d+, command pid \d+, user .*, since .*\)\. /);
    expect(stderr).toMatch(/Look: holdfast who x · wait: holdfast wait x\. Lock: .*\/locks\/x~\w+\.lock\n$/);
    expect(stderr).not.toMatch(/delet|remov|\brm\b|unlink/i);
  });

  it('ends -w with 124 in time, naming how long was waited [G14, R82]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const { code, stdout, stderr } = await cli.run(['run', '-w', '150ms', 'x', '--', 'echo', 'ran']);
    expect({ code, stdout }).toEqual({ code: 124, stdout: '' });
    expect(stderr).toMatch(/x is held by .*; waited \d+ms.* Lock: .*\.lock\n$/);
    expect(stderr).not.toMatch(/delet|remov|\brm\b|unlink/i);
  });

  it('ends -w 0 like -n: one try [G11]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    expect(await cli.run(['run', '-w', '0', 'x', '--', 'true'])).toMatchObject({
      code: 75,
      stderr: expect.not.stringContaining('waiting'),
    });
    expect((await cli.run(['run', '-w', '0s', 'free', '--', 'true'])).code).toBe(0);
  });

  it('ends with the code of -E in both cases, but not when holdfast itself fails [A3]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    expect((await cli.run(['run', '-n', '-E', '3', 'x', '--', 'true'])).code).toBe(3);
    expect((await cli.run(['run', '-w', '20ms', '-E', '4', 'x', '--', 'true'])).code).toBe(4);
    expect(
      (
        await cli.run(['run', '-E', '5', 'x', '--', 'nope', '--'], {
          env: { HOLDFAST_AUDIT: 'x' },
        })
      ).code,
    ).toBe(125);
    expect((await cli.run(['run', '-n', '-E', '5', 'y', '--', 'no-such-command'])).code).toBe(127);
  });
});

it('a wait counts a file as held that a program without Holdfast has locked, a stranger’s too, and says who it is [C6, C3]', async () => {
  const cli = new Cli();
  const open = join(cli.home, 'open');
  mkdirSync(open);
  chmodSync(open, 0o1777);
  const hold = ['flock', '.data.lock', 'sh', '-c', 'echo locked; cat'];
  const [setpriv = '', ...through] = asUser(65534);
  const stranger = cli.program(setpriv, [...through, ...hold], { cwd: open });
  await stranger.line('locked');

  const { code, stderr } = await cli.run(['wait', '-w', '0', join(open, 'data')]);

  expect(code).toBe(124);
  expect(stderr).toMatch(/data is held by "flock .*" \(pid \d+.*not a Holdfast program\)/);
  await stranger.finish();
  expect((await cli.run(['wait', '-w', '0', join(open, 'data')])).code).toBe(0);
});
