import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileResource } from '../../src/lock/resource.ts';
import { fixture } from '../support/child.ts';
import { locksIn } from '../support/place.ts';
import { Cli, main } from './cli.ts';

const nested = (...args: string[]) => [process.execPath, main, 'run', ...args];

describe('run ends as its command does', () => {
  it.each([0, 1, 7, 75, 124, 255])('with the exit code %i', async (code) => {
    expect((await new Cli().run(['run', 'x', '--', 'sh', '-c', `exit ${code}`])).code).toBe(code);
  });

  it('with 127 when there is no such command, and frees the lock [C4]', async () => {
    const cli = new Cli();
    const missing = await cli.run(['run', 'x', '--', 'no-such-command']);
    expect(missing).toMatchObject({ code: 127, stderr: 'holdfast: no-such-command: command not found\n' });
    expect((await cli.run(['who', 'x'])).code).toBe(1);
  });

  it('with 126 when the command cannot be executed, and frees the lock [C4]', async () => {
    const cli = new Cli();
    const file = join(cli.home, 'data');
    writeFileSync(file, 'not a program');
    const refused = await cli.run(['run', 'x', '--', file]);
    expect(refused).toMatchObject({ code: 126, stderr: `holdfast: ${file}: not executable\n` });
    expect((await cli.run(['who', 'x'])).code).toBe(1);
  });

  it('and frees the lock although the command left a process behind [A5]', async () => {
    const cli = new Cli();
    const left = await cli.run(['run', 'x', '--', 'sh', '-c', 'sleep 60 >/dev/null 2>&1 & echo $!']);
    expect((await cli.run(['run', '-n', 'x', '--', 'echo', 'ran'])).stdout).toBe('ran\n');
    process.kill(Number(left.stdout), 'SIGKILL');
  });
});

describe('run gives its command', () => {
  it('input, output and arguments untouched', async () => {
    const script = 'cat; printf "%s|" "$@" >&2';
    const running = new Cli().start([
      'run',
      'x',
      '--',
      'sh',
      '-c',
      script,
      'sh',
      '--json',
      '-n',
      '--',
      'a b',
      '',
    ]);
    expect(await running.finish('input\0bytes')).toMatchObject({
      stdout: 'input\0bytes',
      stderr: '--json|-n|--|a b||',
    });
  });

  it('the lock itself, and every descriptor it was started with [H11]', async () => {
    const cli = new Cli();
    const log = join(cli.home, 'log');
    const command = `'${process.execPath}' '${main}' run x -- sh -c 'ls -l /proc/self/fd; echo logged >&3' 3>'${log}' 9</etc/hosts`;
    const { stdout, stderr } = await cli
      .run([])
      .then(() => cli.start(['run', 'y', '--', 'sh', '-c', command]).exits());
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`3 -> ${log}\\n`));
    expect(stdout).toMatch(/9 -> \/etc\/hosts\n/);
    expect(stdout).toMatch(/-> .*\/locks\/x~\w+\.lock\n/);
    expect(stdout).not.toMatch(/anon_inode|\/y~\w+\.lock \(deleted\)/);
  });

  it('the jobserver of make, though both ends of its pipe are here [A5]', async () => {
    const make = `import os, sys
ends = os.pipe()
for end in ends: os.set_inheritable(end, True)
os.write(ends[1], b'a token')
os.environ.update(MAKEFLAGS=' -j2 --jobserver-auth=%d,%d' % ends, TAKE=str(ends[0]), GIVE=str(ends[1]))
os.execvp(sys.argv[1], sys.argv[1:])`;
    const script = 'head -c 7 <&$TAKE; printf "a token" >&$GIVE';
    const words = ['-c', make, process.execPath, main, 'run', 'x', '--', 'sh', '-c', script];

    const { code, stdout, stderr } = await new Cli().program('python3', words).finish();

    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'a token', stderr: '' });
  });

  it('no network sockets, and opens none itself [R67]', async () => {
    const cli = new Cli();
    const script = 'ls -l /proc/$PPID/fd /proc/self/fd; exec cat';
    const running = cli.start(['run', 'x', '--', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'pipe'] });
    await running.says(/self\/fd:?\n(.*\n)+$/);
    const sockets = running.stdout.match(/^.*socket:.*$/gm) ?? [];
    // The three streams of this test are themselves sockets; the canary's two ends are pairs without an address.
    const inodes = sockets.map((line) => /\[(\d+)\]/.exec(line)?.[1]);
    await running.finish();
    const tables = ['tcp', 'tcp6', 'udp', 'udp6'].filter((table) => existsSync(`/proc/net/${table}`));
    for (const table of tables) {
      for (const inode of inodes)
        expect(readFileSync(`/proc/net/${table}`, 'utf8')).not.toContain(` ${inode} `);
    }
  });
});

describe('run locks', () => {
  it('a name against another run of it, and leaves one file behind, which names nobody [A3, R12]', async () => {
    const cli = new Cli();
    const holder = await cli.hold('x');
    expect(await cli.run(['run', '-n', 'x', '--', 'echo', 'ran'])).toMatchObject({ code: 75, stdout: '' });
    expect(await cli.run(['run', '-n', 'other', '--', 'echo', 'ran'])).toMatchObject({
      code: 0,
      stdout: 'ran\n',
    });
    await holder.finish();
    expect((await cli.run(['run', '-n', 'x', '--', 'echo', 'ran'])).stdout).toBe('ran\n');
    const locks = locksIn(cli.home);
    expect(readdirSync(locks.directory)).toEqual([
      basename(locks.pathOf('other')),
      basename(locks.pathOf('x')),
    ]);
    const left = readFileSync(locks.pathOf('x'), 'utf8');
    expect(left).toMatch(/^holdfast-lock 1\nstate free\n/);
    expect(left).not.toMatch(/pid|command|user|echo/);
  });

  it('a file by its path, beside that file [G17]', async () => {
    const cli = new Cli();
    const file = join(cli.home, 'data', 'roles.json');
    await cli.hold(file);
    expect(existsSync(fileResource(file).path)).toBe(true);
    expect(
      (await cli.run(['run', '-n', './roles.json', '--', 'true'], { cwd: join(cli.home, 'data') })).code,
    ).toBe(75);
    expect((await cli.run(['run', '-n', 'roles.json', '--', 'true'])).code).toBe(0);
  });

  it('shared together with other shared holders, and against exclusive ones [R4]', async () => {
    const cli = new Cli();
    await cli.hold('--shared', 'x');
    expect((await cli.run(['run', '-n', '-s', 'x', '--', 'true'])).code).toBe(0);
    expect((await cli.run(['run', '-n', 'x', '--', 'true'])).code).toBe(75);
  });

  it('all of several names or none', async () => {
    const cli = new Cli();
    await cli.hold('b');
    expect(await cli.run(['run', '-n', 'a', 'b', 'c', '--', 'echo', 'ran'])).toMatchObject({
      code: 75,
      stdout: '',
      stderr: expect.stringMatching(/^holdfast: b is held by /),
    });
    for (const name of ['a', 'c']) expect((await cli.run(['who', name])).code).toBe(1);
    const both = await cli.run(['run', '-n', 'a', 'c', '--', 'echo', 'ran']);
    expect(both).toMatchObject({ code: 0, stdout: 'ran\n', stderr: '' });
  });

  it('in the directory it is told, before or after its name', async () => {
    const cli = new Cli();
    const directory = join(cli.home, 'elsewhere');
    await cli.hold('x', '--directory', directory);
    expect((await cli.run(['--directory', directory, 'run', '-n', 'x', '--', 'true'])).code).toBe(75);
    expect((await cli.run(['run', '-n', 'x', '--', 'true'])).code).toBe(0);
  });
});

describe('a run inside a run', () => {
  it('of the same name goes on under the lock that is held [A5]', async () => {
    const inner = nested('x', '--', ...nested('x', '--', 'echo', 'ran'));
    expect(await new Cli().run(['run', 'x', '--', ...inner])).toMatchObject({ code: 0, stdout: 'ran\n' });
  });

  it('shares what is held shared or exclusive around it [A5]', async () => {
    for (const outer of [[], ['--shared']]) {
      const inner = nested('--shared', '-n', 'x', '--', 'echo', 'ran');
      expect((await new Cli().run(['run', ...outer, 'x', '--', ...inner])).stdout).toBe('ran\n');
    }
  });

  it('fails clearly when it wants exclusive what is held shared around it [R81, R82]', async () => {
    const result = await new Cli().run(['run', '--shared', 'x', '--', ...nested('x', '--', 'echo', 'ran')]);
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toMatch(
      /x is held shared by the holdfast run around this one .*would wait for ever/,
    );
  });

  it('takes the lock itself when the variable speaks of an earlier holder [C2]', async () => {
    const cli = new Cli();
    const { stdout } = await cli.run(['run', 'x', '--', 'sh', '-c', 'printf %s "$HOLDFAST_HELD"']);
    const env = { HOLDFAST_HELD: stdout };
    await cli.hold('x');
    expect((await cli.run(['run', '-n', 'x', '--', 'true'], { env })).code).toBe(75);
  });

  it.each([
    '',
    '{',
    '[]',
    'null',
    '7',
    '[null]',
    '[{"path":7}]',
    '[{"path":"/x","pid":-1,"start":"","boot":""}]',
  ])('ignores the variable when it holds %j [C2]', async (held) => {
    const cli = new Cli();
    const env = { HOLDFAST_HELD: held };
    expect((await cli.run(['run', 'x', '--', 'echo', 'ran'], { env })).stdout).toBe('ran\n');
    await cli.hold('x');
    expect((await cli.run(['run', '-n', 'x', '--', 'true'], { env })).code).toBe(75);
  });
});

it('a tool guarded by run: save beside save fails clearly, save beside help works [A3, A4]', async () => {
  const cli = new Cli();
  const tool = join(cli.home, 'tool');
  const guard = `'${process.execPath}' '${main}' run -n mirror --purpose 'mirror save' --`;
  writeFileSync(
    tool,
    `#!/bin/sh\ncase $1 in\nsave) exec ${guard} '${process.execPath}' '${fixture('cli-recorder.mjs')}' ;;\nhelp) echo 'usage: tool save' ;;\nesac\n`,
  );
  chmodSync(tool, 0o755);
  const start = (verb: string) => cli.program(tool, [verb]);
  const first = start('save');
  await first.says(/ready/);
  const second = await start('save').exits();
  expect(second).toMatchObject({ code: 75, stdout: '' });
  expect(second.stderr).toMatch(
    /^holdfast: mirror is held by "mirror save" \(pid \d+, .*user .*, since .*\)/,
  );
  expect(second.stderr).toMatch(/Look: holdfast who mirror · wait: holdfast wait mirror/);
  expect(await start('help').exits()).toMatchObject({ code: 0, stdout: 'usage: tool save\n' });
  expect((await first.finish()).code).toBe(0);
});

it('an operation that is not put under run opens no lock file and takes no lock, also while one is held', async () => {
  const cli = new Cli();
  const tool = join(cli.home, 'tool');
  const guard = `'${process.execPath}' '${main}' run -n mirror --`;
  writeFileSync(tool, `#!/bin/sh\ncase $1 in\nsave) exec ${guard} true ;;\nhelp) cat '${tool}' ;;\nesac\n`);
  chmodSync(tool, 0o755);
  await cli.hold('other');
  const calls = async (verb: string): Promise<string> => {
    const strace = ['-f', '-qq', '-e', 'trace=openat,open,flock', tool, verb];
    return (await cli.program('strace', strace).exits()).stderr;
  };
  const ofLocks = /flock\(|\.lock"|holdfast/;

  expect(await calls('save')).toMatch(/flock\(\d+, LOCK_EX\|LOCK_NB\)/);
  expect((await calls('help')).replaceAll(cli.home, '')).not.toMatch(ofLocks);
});
