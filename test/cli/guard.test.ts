import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { untilStopped } from '../support/until.ts';
import { main } from './cli.ts';
import { Guarded } from './guarded.ts';

const RULES = `
resources:
  mirror: the mirrored files
  package-<name>: one installed package
operations:
  save: { command: mirror save **, uses: { mirror: exclusive } }
  load: { command: mirror load **, uses: [mirror] }
  verify: { command: mirror verify, uses: { mirror: shared } }
  install: { command: 'mirror {install,uninstall} <name...>', uses: { mirror: shared, package-<name>: exclusive } }
  patient: { command: mirror patient **, uses: mirror, policy: wait }
  hasty: { command: mirror hasty, uses: mirror, policy: wait, timeout: 1ms }
  careless: { command: mirror careless, uses: mirror, policy: warn }
  coded: { command: mirror coded, uses: mirror, exit-code: 3, message: Come back later. }
  outer: { command: mirror --in **, uses: mirror }
  reader: { command: reader --in **, uses: { mirror: shared } }
  help: { command: mirror help, uses: none }
`;

describe('a guarded command', () => {
  it('ends as it does, and runs as often as it is started [A10]', async () => {
    const cli = new Guarded(RULES);
    for (let times = 0; times < 2; times++) {
      expect(await cli.guard('mirror save x')).toEqual({
        code: 0,
        signal: null,
        stdout: 'start save x\nend save x\n',
        stderr: '',
      });
    }
    cli.writeTool('bin/mirror', '#!/bin/sh\nexit 7\n');
    expect((await cli.guard('mirror save')).code).toBe(7);
    expect((await cli.guard('mirror help')).code).toBe(7);
    cli.writeTool('bin/mirror', '#!/bin/sh\nkill -TERM $$\n');
    expect((await cli.guard('mirror save')).signal).toBe('SIGTERM');
  });

  it('that is busy ends at once, with who, how to look and how to wait: save beside save fails clearly, save beside help works [A3, A4]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    const second = await cli.guard('mirror -v save');
    expect(second).toMatchObject({ code: 75, stdout: '' });
    expect(second.stderr).toMatch(
      /^holdfast: save was not started: mirror is held by "mirror save --hold" \(pid \d+, command pid \d+, user \S+, since [\d:]+, [\d.]+m?s\)\. Look: holdfast who mirror · wait: holdfast wait mirror\. Rule: save in holdfast\.yaml:6\n$/,
    );
    expect(second.stderr).not.toMatch(/delet|remov|\brm\b/i);
    expect((await cli.run(['who', 'mirror'])).stdout).toContain(`pid ${holder.pid}`);
    expect(await cli.guard('mirror help')).toMatchObject({
      code: 0,
      stdout: 'start help\nend help\n',
      stderr: '',
    });
    await holder.finish();
    expect((await cli.run(['wait', 'mirror'])).code).toBe(0);
    expect((await cli.guard('mirror save')).code).toBe(0);
  });

  it.each([
    // holder, other, whether the other has to stay out
    ['mirror save', 'mirror load', true],
    ['mirror save', 'mirror verify', true],
    ['mirror verify', 'mirror verify', false],
    ['mirror verify', 'mirror save', true],
    ['mirror install a', 'mirror uninstall a', true],
    ['mirror install a', 'mirror install b', false],
    ['mirror install a b', 'mirror uninstall b c', true],
    ['mirror install a', 'mirror verify', false],
    ['mirror install a', 'mirror save', true],
    ['mirror save', 'mirror help', false],
    ['mirror save', 'mirror unknown', false],
  ])('locks what its operation uses: beside "%s", "%s" is kept out: %s [A2]', async (first, other, isOut) => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy(first);
    expect((await cli.guard(other)).code).toBe(isOut ? 75 : 0);
    await holder.finish();
    expect((await cli.guard(other)).code).toBe(0);
  });

  it('says what its rule has it say, with the exit code that is set there [A3, A4]', async () => {
    const cli = new Guarded(RULES);
    await cli.busy('mirror save');
    const { code, stderr } = await cli.guard('mirror coded');
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^holdfast: Come back later\. mirror is held by "mirror save --hold" .* Rule: coded in holdfast\.yaml:13\n$/,
    );
    const json = JSON.parse((await cli.guard('mirror coded', '--json')).stderr);
    expect(json.error).toMatchObject({
      code: 'HOLDFAST_BUSY',
      exitCode: 3,
      operation: 'coded',
      resource: 'mirror',
      holders: [{ command: 'mirror save --hold' }],
    });
  });

  it('tells of a holder that is stopped, and how to let it go on or to end it [A4, H21]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    holder.signal('SIGSTOP');
    await untilStopped(holder.pid);
    const { code, stderr } = await cli.guard('mirror load');
    expect(code).toBe(75);
    expect(stderr).toMatch(
      /load was not started: mirror is held by "mirror save --hold" \(.*, stuck: it is stopped\)\. /,
    );
    expect(stderr).toContain(
      `(kill -CONT ${holder.pid}), or end it: holdfast break --kill mirror. Rule: load in`,
    );
    holder.signal('SIGCONT');
    await holder.finish();
  });

  it('names a way to look and to wait also for names that look like files [A4]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror install @scope/x');
    const { code, stderr } = await cli.guard('mirror uninstall @scope/x');
    expect(code).toBe(75);
    expect(stderr).toContain(
      'Look: holdfast who --name package-@scope/x · wait: holdfast wait --name package-@scope/x.',
    );
    const looked = await cli.guard('mirror uninstall @scope/x', '--explain');
    expect(looked.stdout).toMatch(/package-@scope\/x, exclusive: held by "mirror install @scope\/x --hold"/);
    const waiter = cli.begin('mirror uninstall @scope/x', '--policy', 'wait');
    await waiter.says(/waiting for package-@scope\/x/, 'stderr');
    await holder.finish();
    expect((await waiter.exits()).code).toBe(0);
  });
});

describe('the locks of a guarded command', () => {
  it('stay with it when holdfast is killed, until it ends [A5, H11]', async () => {
    const cli = new Guarded(RULES);
    const holding = '#!/bin/sh\n[ "$1" = save ] || exit 0\necho start $$; exec sleep 60\n';
    cli.writeTool('bin/mirror', holding);
    const running = cli.begin('mirror save');
    const [, pid] = await running.says(/start (\d+)/);
    await running.killAlone();
    expect((await cli.guard('mirror load')).code).toBe(75);
    process.kill(Number(pid), 'SIGKILL');
    expect((await cli.run(['wait', 'mirror'])).code).toBe(0);
    expect((await cli.guard('mirror load')).code).toBe(0);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('are free when %s ended it [A5, H25]', async (signal) => {
    const cli = new Guarded(RULES);
    cli.writeTool('bin/mirror', '#!/bin/sh\necho start; exec sleep 60\n');
    const running = cli.begin('mirror save');
    await running.says(/start/);
    running.signal(signal);
    expect((await running.exits()).signal).toBe(signal);
    expect((await cli.run(['who', 'mirror'])).code).toBe(1);
  });

  it('are free when it was killed itself [A5, R10]', async () => {
    const cli = new Guarded(RULES);
    cli.writeTool('bin/mirror', '#!/bin/sh\necho start $$; exec sleep 60\n');
    const running = cli.begin('mirror save');
    const [, pid] = await running.says(/start (\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    expect((await running.exits()).code).toBe(137);
    expect((await cli.run(['who', 'mirror'])).code).toBe(1);
  });
});

describe('the policy', () => {
  it('wait waits, says so, and runs then [R8]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    const waiter = cli.begin('mirror patient');
    await waiter.says(/^holdfast: waiting for mirror, held by "mirror save --hold"/, 'stderr');
    await holder.finish();
    expect(await waiter.exits()).toMatchObject({ code: 0, stdout: 'start patient\nend patient\n' });
  });

  it('wait with a timeout ends with 124, and disturbs nobody [A15]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    const { code, stdout, stderr } = await cli.guard('mirror hasty');
    expect({ code, stdout }).toEqual({ code: 124, stdout: '' });
    expect(stderr).toMatch(
      /hasty was not started: mirror is held by .*; waited \d+ms at place 1 of the queue\. Look: /,
    );
    expect((await cli.guard('mirror save')).code).toBe(75);
    await holder.finish();
  });

  it('wait is over when a signal comes: nothing is run, nothing held [H25]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    const waiter = cli.begin('mirror patient');
    await waiter.says(/waiting for mirror/, 'stderr');
    waiter.signal('SIGINT');
    expect(await waiter.exits()).toMatchObject({ signal: 'SIGINT', stdout: '' });
    await holder.finish();
    expect((await cli.run(['who', 'mirror'])).code).toBe(1);
  });

  it('warn says who is in the way and runs all the same; where nobody is, it holds the lock [A8]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    const warned = await cli.guard('mirror careless');
    expect(warned).toMatchObject({ code: 0, stdout: 'start careless\nend careless\n' });
    expect(warned.stderr).toMatch(
      /^holdfast: warning: careless runs without the lock on mirror: mirror is held by "mirror save --hold" \(.*\)\. Look: holdfast who mirror · wait: holdfast wait mirror\. Rule: careless in holdfast\.yaml:12\n$/,
    );
    await holder.finish();
    const alone = await cli.busy('mirror save', '--policy', 'warn');
    expect((await cli.guard('mirror load')).code).toBe(75);
    await alone.finish();
    expect(alone.stderr).toBe('');
  });

  it('warn runs also where no lock can be made at all [A8]', async () => {
    const cli = new Guarded(RULES);
    cli.write('locks', 'a file in the place of the directory');
    expect((await cli.guard('mirror save')).code).toBe(125);
    const { code, stderr } = await cli.guard('mirror careless');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^holdfast: warning: careless runs without the lock on mirror: The lock file/);
  });

  it('is for the command line to replace', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save');
    expect((await cli.guard('mirror patient', '--policy', 'fail')).code).toBe(75);
    expect((await cli.guard('mirror load', '-w', '1ms')).code).toBe(124);
    expect(await cli.guard('mirror load', '-w', '1ms', '--policy', 'warn')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('--timeout is for the policy wait'),
    });
    await holder.finish();
  });

  it('global, in one line, lets one command run at a time, but those that use none [A8]', async () => {
    const cli = new Guarded(
      'global: everything\noperations: { help: { command: mirror help, uses: none }, any: mirror ** }',
    );
    const holder = await cli.busy('mirror save');
    expect(await cli.guard('mirror load')).toMatchObject({
      code: 75,
      stderr: expect.stringContaining('any was not started: everything is held by "mirror save --hold"'),
    });
    expect((await cli.guard('mirror help')).code).toBe(0);
    await holder.finish();
    expect((await cli.guard('mirror load')).code).toBe(0);
  });

  it('warn for a whole file is one line too [A8]', async () => {
    const cli = new Guarded('global: everything\ndefaults: { policy: warn }\noperations: { any: mirror ** }');
    const holder = await cli.busy('mirror save');
    expect(await cli.guard('mirror load')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^holdfast: warning: any runs without the lock on everything/),
    });
    await holder.finish();
  });
});

describe('a command that no rule matches', () => {
  it('runs without a lock, and opens nothing that has to do with locks [A6]', async () => {
    const cli = new Guarded(RULES);
    const calls = async (line: string) => {
      const trace = [
        '-f',
        '-qq',
        '-e',
        'trace=openat,open,flock,mkdir',
        process.execPath,
        main,
        'guard',
        '--',
      ];
      const strace = cli.program('strace', [...trace, ...line.split(' ')], { cwd: cli.project });
      return (await strace.exits()).stderr;
    };
    const ofLocks = /flock\(|\.lock"|koffi|mkdir\(|audit\.jsonl/;
    for (const line of ['mirror unknown', 'mirror help']) expect(await calls(line)).not.toMatch(ofLocks);
    expect(existsSync(join(cli.home, 'locks'))).toBe(false);
    expect(existsSync(join(cli.home, 'audit.jsonl'))).toBe(false);
    expect(await calls('mirror save')).toMatch(/flock\(\d+, LOCK_EX\|LOCK_NB\)/);
  });

  it('is not what a run asks for: it reads no rules, and loads no parser for them', async () => {
    const cli = new Guarded('no rules at all');
    const trace = [
      '-f',
      '-qq',
      '-e',
      'trace=openat',
      process.execPath,
      main,
      'run',
      'x',
      '--',
      'mirror',
      'save',
    ];
    const { code, stderr } = await cli.program('strace', trace, { cwd: cli.project }).exits();
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/yaml/);
  });

  it.each([
    ['allow', 0, /^$/],
    [
      'warn',
      0,
      /^holdfast: warning: no operation in holdfast\.yaml matches mirror other; it runs without a lock\n$/,
    ],
    [
      'refuse',
      126,
      /^holdfast: mirror was not started: no operation in holdfast\.yaml matches mirror other, and commands without a rule are refused there \(unmatched: refuse\)\. Look: holdfast rules list\n$/,
    ],
  ] as const)('is treated as the file says: %s [A7]', async (unmatched, code, says) => {
    const cli = new Guarded(`defaults: { unmatched: ${unmatched} }\n${RULES}`);
    const result = await cli.guard('mirror other');
    expect(result).toMatchObject({ code, stdout: code === 0 ? 'start other\nend other\n' : '' });
    expect(result.stderr).toMatch(says);
    expect((await cli.guard('mirror save')).code).toBe(0);
  });
});
