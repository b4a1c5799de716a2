import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fixture } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeFifo } from '../support/tool.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';

function lockFile(cli: Cli): string {
  const [name = ''] = readdirSync(join(cli.home, 'locks'));
  return join(cli.home, 'locks', name);
}

/** Resolves when the record shows the command, which is written just after its start. */
async function recorded(cli: Cli, name: string): Promise<void> {
  const isRecorded = async () => (await cli.run(['who', name])).stdout.includes('command pid');
  await until(isRecorded, `the command under ${name} is recorded`);
}

describe('break --kill', () => {
  it('shows the holder, ends its command, and frees the lock without removing its file [R82]', async () => {
    const cli = new Cli();
    const holder = cli.start(['run', 'x', '--', 'sleep', '60']);
    await recorded(cli, 'x');
    const broken = await cli.run(['break', 'x', '--kill', '--yes']);
    expect(broken.stderr).toMatch(/^holdfast: x is held by "sleep 60" \(pid \d+, command pid \d+/);
    expect(broken.stdout).toMatch(/^sleep 60 \(pid \d+\): ended by SIGTERM\n.*\nx is free\n$/);
    expect(broken.code).toBe(0);
    expect((await holder.exits()).signal).toBe('SIGTERM');
    expect(existsSync(lockFile(cli))).toBe(true);
  });

  it('ends nobody when one of those who share the lock belongs to another user, and says who may [A4, X59, R82]', async () => {
    needsRoot();
    const data = join(tempDirectory(), 'data');
    writeFileSync(data, '');
    chmodSync(dirname(data), 0o777);
    chmodSync(data, 0o666);
    const [mine, theirs] = [new Cli(), new Cli()];
    for (const { home } of [mine, theirs]) chmodSync(home, 0o777);
    const shared = ['run', '-s', '--file', data, '--', 'cat'];
    const holders = [mine.asUser(1001, shared), theirs.asUser(1002, shared)];
    const both = async () =>
      (await mine.run(['who', '--file', data])).stdout.match(/command pid/g)?.length === 2;
    await until(both, 'both hold the lock');

    const broken = await mine.asUser(1001, ['break', '--kill', '--yes', '--file', data]).finish();

    expect(broken.stderr).toMatch(
      /data is left alone: cat \(pid \d+\) belongs to another user\. Only that user or root can end it/,
    );
    expect(broken).toMatchObject({ code: 125, stdout: '' });
    expect((await mine.run(['who', '--file', data])).stdout.match(/command pid/g)).toHaveLength(2);
    for (const holder of holders) {
      holder.closeInput();
      expect((await holder.exits()).code).toBe(0);
    }
  });

  it('ends with 1 while somebody has inherited the lock whom this user may not look into, and says who sees it [A4, X3, X59]', async () => {
    needsRoot();
    const cli = new Cli();
    chmodSync(cli.home, 0o777);
    const hide = [
      'import os, sys, ctypes',
      'if os.fork() == 0:',
      '  parent = os.getpid()',
      '  ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)', // PR_SET_DUMPABLE: nobody but root may look into it
      '  os.setsid()',
      '  if os.fork() == 0:',
      '    while os.getppid() == parent: pass', // until nothing shows any more where it comes from
      '    print("hidden", flush=True); open(sys.argv[1]).read()',
      '  os._exit(0)',
      'os.read(os.pipe()[0], 1)',
    ].join('\n');
    const gate = join(cli.home, 'gate');
    makeFifo(gate);
    chmodSync(gate, 0o666);
    onTestFinished(() => closeSync(openSync(gate, 'r+')));
    const holder = cli.asUser(1001, ['run', 'x', '--', 'python3', '-c', hide, gate]);
    await holder.says(/hidden/);
    const isRecorded = async () => (await cli.run(['who', 'x'])).stdout.includes('command pid');
    await until(isRecorded, 'the command is recorded');

    const broken = await cli.asUser(1001, ['break', '--kill', '--yes', 'x']).finish();

    // In a pid namespace, the system lists no lock of a process that has ended.
    const seen =
      /\nx is held by a process (\(inherited the lock\)\n.* root sees it with: fuser -v \/\S+\.lock|that left no record)\n$/;
    expect(broken.stdout).toMatch(seen);
    expect(broken.code).toBe(1);
  });

  it('that was started below the command ends the command, and not itself [A4, X59]', async () => {
    const cli = new Cli();
    const told = join(tempDirectory(), 'told');
    const script = `setsid "$0" "$1" break --kill --yes x >'${told}' 2>&1 & sleep 1000`;
    const holder = cli.start(['run', 'x', '--', 'sh', '-c', script, process.execPath, main]);

    const { signal } = await holder.exits();

    expect(signal).toBe('SIGTERM');
    await until(() => readFileSync(told, 'utf8').endsWith('\nx is free\n'), 'break has told all of it');
  });

  it('kills after the grace period what does not end by itself', async () => {
    const cli = new Cli();
    const holder = cli.start([
      'run',
      'x',
      '--',
      'sh',
      '-c',
      'trap "" TERM; echo ready; while :; do sleep 1; done',
    ]);
    await holder.says(/ready/);
    await recorded(cli, 'x');
    const broken = await cli.run(['break', '--kill', '--yes', '--grace', '100ms', '--json', 'x']);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      resource: 'x',
      state: 'free',
      ended: expect.arrayContaining(
        ['killed', 'terminated'].map((outcome) => expect.objectContaining({ outcome })),
      ),
    });
    expect((await holder.exits()).code).toBe(137);
  });

  it('ends the command that outlived its holdfast [H11]', async () => {
    const cli = new Cli();
    const holder = cli.start(['run', 'x', '--', 'sleep', '60']);
    await recorded(cli, 'x');
    holder.signal('SIGKILL');
    const broken = await cli.run(['break', '--kill', '--yes', 'x']);
    expect(broken).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^sleep 60 .*ended by SIGTERM\nx is free\n$/),
    });
  });

  it('ends what another holdfast runs below the command once, and lets that one end with it [A5, X44, X59]', async () => {
    const cli = new Cli();
    const recorder = [process.execPath, fixture('cli-recorder.mjs')];
    const inner = [process.execPath, main, 'run', 'y', '--', ...recorder];
    const holder = cli.start(['run', 'x', '--', 'sh', '-c', '"$@"; exit $?', 'sh', ...inner]);
    const [, , wrapper] = await holder.says(/ready (\d+) (\d+)/);
    const children = () => readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, 'latin1').trim();
    await until(() => children().split(' ').length === 2, 'the inner one is at work');
    const broken = await cli.run(['break', '--kill', '--yes', '--grace', '200ms', 'x']);
    expect(broken.stdout).not.toMatch(/\bcat \(pid/);
    expect(broken.stdout).toMatch(/x is free\n$/);
    expect((await holder.exits()).stdout.match(/got SIG\w+/g)).toEqual(['got SIGTERM']);
  });

  it('asks on a terminal, and does nothing unless the answer is yes [R82]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    for (const [answer, code] of [
      ['\r', 1],
      ['n\r', 1],
      ['\u0004', 1],
      ['y\r', 0],
    ] as const) {
      const asked = cli.onTerminal(['break', '--kill', 'x']);
      await asked.says(/x is held by .*\[y\/N\] /s);
      asked.write(answer);
      expect((await asked.exits()).code).toBe(code);
      expect((await cli.run(['who', 'x'])).code).toBe(code === 0 ? 1 : 0);
    }
  });

  it('ends by Ctrl-C at its question, so that a shell leaves its loop [X37, R82]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const asked = cli.onTerminal(['break', '--kill', 'x']);
    await asked.says(/\[y\/N\] /);
    asked.write('\u0003');
    expect((await asked.exits()).code).toBe(256 - constants.signals.SIGINT); // as who runs it on a terminal tells it
    expect((await cli.run(['who', 'x'])).code).toBe(0);
  });

  it('does not act without a terminal to ask on, nor without --kill [R82]', async () => {
    const cli = new Cli();
    await cli.hold('x');
    const unasked = await cli.run(['break', '--kill', 'x']);
    expect(unasked).toMatchObject({ code: 125, stderr: expect.stringContaining('--yes') });
    expect(await cli.run(['break', '--yes', 'x'])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('--kill'),
    });
    expect((await cli.run(['who', 'x'])).code).toBe(0);
  });

  it('has nothing to do for a free lock [R82]', async () => {
    expect(await new Cli().run(['break', '--kill', '--yes', 'x'])).toMatchObject({
      code: 0,
      stdout: 'x is free\n',
    });
  });

  /** A lock that is held, and whose record names a bystander as the command, and is forged in one more fact. */
  async function heldWithForged(fact: RegExp, forged: string) {
    const cli = new Cli();
    const holder = await cli.hold('x');
    await recorded(cli, 'x');
    const bystander = cli.program('sleep', ['60']);
    const record = readFileSync(lockFile(cli), 'latin1');
    const child = record.replace(/^child .*$/m, (line) => `child ${bystander.pid} 1`.padEnd(line.length));
    writeFileSync(
      lockFile(cli),
      child.replace(fact, (line) => forged.padEnd(line.length)),
    );
    return { cli, holder, bystander };
  }

  it.each([
    ['a process of unknown age', /^start \d+$/m, 'began 1', /cannot be verified/],
    ['nobody', /^pid \d+$/m, 'xid 1', /left no process id/],
  ])('leaves the lock alone when its record names %s [H1, H3, R66]', async (_what, fact, forged, reason) => {
    const { cli, holder, bystander } = await heldWithForged(fact, forged);
    const broken = await cli.run(['break', '--kill', '--yes', '--grace', '50ms', 'x']);
    expect(broken).toMatchObject({ code: 125, stdout: '', stderr: expect.stringMatching(reason) });
    expect(broken.stderr).not.toMatch(/delet|remov|\brm\b|unlink/i);
    for (const { isRunning } of [holder, bystander]) expect(isRunning).toBe(true);
    expect((await cli.run(['who', 'x'])).code).toBe(0);
  });

  it('ends those that the kernel says carry the lock, not another process under the id on record [H1, H3, X3]', async () => {
    const { cli, holder, bystander } = await heldWithForged(/^start \d+$/m, 'start 1');
    const broken = await cli.run(['break', '--kill', '--yes', '--grace', '50ms', 'x']);
    await holder.ended;
    expect([broken.code, bystander.isRunning]).toEqual([0, true]);
    expect(broken.stdout).toMatch(/^x is free$/m);
  });

  it('leaves alone a holder outside of the container it runs in [H3]', async () => {
    const cli = new Cli();
    const holder = await cli.hold('x');
    const args = ['-Urpf', '--mount-proc', process.execPath, main, 'break', '--kill', '--yes', 'x'];
    const broken = await cli.program('unshare', args).exits();
    expect(broken).toMatchObject({ code: 125, stderr: expect.stringContaining('another pid namespace') });
    expect(holder.isRunning).toBe(true);
  });
});
