import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fill, mountTmpfs } from '../support/disk.ts';
import { Cli, main } from './cli.ts';

/** Runs the command line with its output in files, byte for byte. */
async function bytes(
  cli: Cli,
  args: readonly string[],
): Promise<{ code: number | null; out: Buffer; err: Buffer }> {
  const paths = ['out', 'err'].map((name) => join(cli.home, name)) as [string, string];
  const [out, err] = paths.map((path) => openSync(path, 'w')) as [number, number];
  const { code } = await cli.start(args, { stdio: ['ignore', out, err] }).exits();
  closeSync(out);
  closeSync(err);
  return { code, out: readFileSync(paths[0]), err: readFileSync(paths[1]) };
}

/** The files of the last run of the only task there is. */
function logs(cli: Cli): { name: string; size: number; content: () => Buffer }[] {
  const records = join(cli.home, 'once');
  const task = join(records, readdirSync(records)[0] as string);
  const run = join(task, readdirSync(task).find((name) => name.startsWith('run-')) as string);
  return readdirSync(run)
    .sort()
    .map((name) => {
      const path = join(run, name);
      return { name, size: statSync(path).size, content: () => readFileSync(path) };
    });
}

describe('the output of a command', () => {
  it('need not be UTF-8: it comes back byte for byte, and a terminal gets none of it raw [A11]', async () => {
    const cli = new Cli();
    const hostile = String.raw`\377\376\000\033[2J\200\n`;
    const command = ['once', 'raw', '--', 'sh', '-c', `printf '${hostile}'; printf '${hostile}' >&2`];
    const first = await bytes(cli, command);
    const second = await bytes(cli, command);
    const expected = Buffer.from([255, 254, 0, 27, 91, 50, 74, 128, 10]);
    expect(first).toEqual({ code: 0, out: expected, err: expected });
    expect(second).toEqual(first);

    const failing = [
      'once',
      '--failure-ttl',
      '1h',
      'raw',
      '--ttl',
      '0',
      '--',
      'sh',
      '-c',
      `printf '${hostile}' >&2; exit 1`,
    ];
    await bytes(cli, failing);
    const { code, err } = await bytes(cli, failing);
    expect(code).toBe(1);
    expect(err.includes(27)).toBe(false);
    expect(err.toString()).toContain(String.raw`\u001b[2J`);
  });

  it.each([
    ['printf out', 'out\nholdfast: '],
    ['printf out; echo err >&2', 'outerr\nholdfast: '],
    ['echo out; printf err >&2', 'out\nerr\nholdfast: '],
  ])(
    'on one file with its errors, of %j, is told apart from what holdfast says [A11]',
    async (script, begin) => {
      const words = ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, main, 'once', 'x', '--'];
      const { stdout } = await new Cli().program('sh', [...words, 'sh', '-c', `${script}; exit 3`]).exits();
      expect(stdout.slice(0, begin.length)).toBe(begin);
    },
  );

  it('that ends within a line is told apart from what holdfast says, as words and as JSON [A11]', async () => {
    const cli = new Cli();
    const command = ['--', 'sh', '-c', 'printf oops >&2; exit 3'];
    const { stderr } = await cli.run(['once', 'words', ...command]);
    expect(stderr).toMatch(/^oops\nholdfast: words failed with exit code 3/);
    const asJson = await cli.run(['once', '--json', 'json', ...command]);
    const [said, error = ''] = asJson.stderr.split('\n');
    expect([said, JSON.parse(error)]).toMatchObject(['oops', { error: { exitCode: 3 } }]);
  });

  it('may be opened by its name, as /dev/stdout and /dev/stderr, by any process of the command [A11]', async () => {
    const cli = new Cli();
    const script = 'echo out > /dev/stdout; echo err | cat > /dev/stderr; echo more | tee /proc/self/fd/1';
    const first = await cli.run(['once', 'named', '--', 'sh', '-c', script]);
    expect(first).toMatchObject({ code: 0, stdout: 'out\nmore\nmore\n', stderr: 'err\n' });
    const second = await cli.run(['once', 'named', '--', 'sh', '-c', script]);
    expect(second).toMatchObject({ code: 0, stdout: first.stdout, stderr: first.stderr });
  });

  it('of arguments that are no UTF-8 has their bytes, also in the background, and the command is shown as it was given [A11]', async () => {
    const cli = new Cli();
    const script = `exec '${process.execPath}' '${main}' once --detach raw -- printf '%s|' "$(printf 'a\\377\\376')" b`;
    expect((await cli.program('sh', ['-c', script]).exits()).code).toBe(0);
    const waited = await bytes(cli, ['once', '--wait', '--quiet', 'raw']);
    expect(waited.out).toEqual(Buffer.from([97, 255, 254, 124, 98, 124]));
    const [task] = (await cli.json(['once', 'ls', '--json'])) as {
      command: string;
      by: { command: string };
    }[];
    const shown = 'printf %s| a\ufffd\ufffd b';
    expect([task?.command, task?.by.command]).toEqual([shown, shown]);
  });

  it('of a gigabyte takes 32 MiB of the disk, and its end is kept [A11]', async () => {
    const cli = new Cli();
    const command = [
      'once',
      '--wait',
      '--quiet',
      'big',
      '--',
      'sh',
      '-c',
      'head -c 1073741824 /dev/zero; echo the end',
    ];
    expect((await cli.start(command, { stdio: 'ignore' }).ended).code).toBe(0); // a gigabyte takes its time
    const files = logs(cli);
    const stdout = files.filter(({ name }) => name.startsWith('stdout'));
    expect(files.map(({ name }) => name)).toEqual(['stderr', 'stdout', 'stdout.1']);
    const kept = stdout.reduce((sum, { size }) => sum + size, 0);
    expect(kept).toBeLessThanOrEqual(32 * 1024 * 1024);
    expect(kept).toBeGreaterThanOrEqual(16 * 1024 * 1024);
    expect(stdout[0]?.content().subarray(-8).toString()).toBe('the end\n');

    const { out, err } = await bytes(
      cli,
      command.filter((word) => word !== '--quiet'),
    );
    expect(out.length).toBe(kept);
    expect(out.subarray(-8).toString()).toBe('the end\n');
    const missing = 1_073_741_824 + 8 - kept;
    expect(err.toString()).toBe(
      `holdfast: big: ${missing} bytes of its stdout are missing: only the end of a long output is kept\n`,
    );
  });

  it('is not waited for when a process that was left behind keeps it open [A5]', async () => {
    const cli = new Cli();
    const script = 'sleep 1000 & echo $!';
    const { code, stdout } = await cli.run(['once', 'daemon', '--', 'sh', '-c', script]);
    onTestFinished(() => void process.kill(Number(stdout), 'SIGKILL'));
    expect(code).toBe(0);
    // The lock is free again, although the process that was left behind has it open.
    expect((await cli.run(['once', '--reset', 'daemon'])).stdout).toBe('daemon is forgotten\n');
  });
});

describe('46 MB of output', () => {
  it('are cut at a line for who comes later, and never silently; --complete fails instead [X41]', async () => {
    const cli = new Cli();
    const words = ['big', '--', 'seq', '1', '6000000'];
    const first = await bytes(cli, ['once', ...words]);
    expect([first.code, first.out.length, first.err.toString()]).toEqual([0, 46_888_896, '']);
    for (const call of [
      ['once', '--quiet', ...words],
      ['once', '--stdout', 'big'],
    ]) {
      const { code, out, err } = await bytes(cli, call);
      expect(code).toBe(0);
      expect(out.equals(first.out.subarray(-out.length))).toBe(true);
      expect(first.out[first.out.length - out.length - 1]).toBe(10); // behind the end of a line
      expect(out.length).toBeGreaterThan(16 * 1024 * 1024);
      expect(err.toString()).toMatch(/^holdfast: big: \d+ bytes of its stdout are missing: only the end/);
    }
    for (const call of [
      ['once', '--complete', ...words],
      ['once', '--complete', '--stdout', 'big'],
    ]) {
      const { code, out, err } = await bytes(cli, call);
      expect([code, out.length]).toEqual([125, 0]);
      expect(err.toString()).toMatch(/^holdfast: the output of big is not complete; \d+ bytes of its stdout/);
    }
    expect((await bytes(cli, ['once', '--complete', '--stderr', 'big'])).code).toBe(0);
  });
});

describe('on a full disk', () => {
  const smallHome = (options: string): Cli => {
    const cli = new Cli();
    mountTmpfs(cli.home, options);
    return cli;
  };

  it('a command whose log does not fit runs to its end, and has a result; what is missing is told to those who miss it [H14, X41]', async () => {
    const cli = smallHome('size=256k');
    const env = { HOLDFAST_AUDIT: 'off' };
    const command = ['once', 'chatty', '--', 'sh', '-c', 'yes | head -c 1000000'];
    const first = await cli.run(command, { env });
    expect([first.code, first.stdout.length]).toEqual([0, 1_000_000]);
    expect(first.stderr).toBe(''); // it has seen everything
    const second = await cli.run(command, { env });
    expect(second.code).toBe(0);
    expect(second.stdout.length).toBeGreaterThan(100_000);
    expect(second.stdout.endsWith('y\n')).toBe(true);
    expect(second.stderr).toMatch(/^holdfast: chatty: \d+ bytes of its stdout are missing: ENOSPC\n$/);
    const third = await cli.run(['once', '--json', ...command.slice(1)], { env });
    const dropped = Number(/(\d+) bytes/.exec(second.stderr)?.[1]);
    const gap = { event: 'gap', id: 'chatty', stream: 'stdout', dropped, why: 'ENOSPC' };
    expect(JSON.parse(third.stderr)).toEqual(gap);
  });

  it('a command whose log cannot be put aside runs to its end, and has a result; what is missing is told to those who miss it [H14, X41]', async () => {
    const cli = smallHome('size=64m,nr_inodes=60');
    const env = { HOLDFAST_AUDIT: 'off' };
    const useUp = `i=0; while (: > ${cli.home}/filler$i); do i=$((i + 1)); done`;
    const output = 'head -c 20000000 /dev/zero; echo the end';
    const command = ['once', 'big', '--', 'sh', '-c', `{ ${useUp}; } 2>/dev/null; ${output}`];
    const { code, stdout, stderr } = await cli.run(command, { env });
    expect([code, stdout.length, stdout.slice(-8)]).toEqual([0, 20_000_008, 'the end\n']);
    const missing = 20_000_008 - 16 * 1024 * 1024;
    expect(stderr).toBe('');
    const again = await cli.run(command, { env });
    expect([again.code, again.stdout.length]).toEqual([0, 16 * 1024 * 1024]);
    expect(again.stderr).toBe(`holdfast: big: ${missing} bytes of its stdout are missing: ENOSPC\n`);
  });

  it('a command is not run whose result could not be recorded [H14]', async () => {
    const cli = smallHome('size=48k');
    fill(cli.home);
    const { code, stdout, stderr } = await cli.run(['once', 'x', '--', 'echo', 'ran']);
    expect([code, stdout]).toEqual([125, '']);
    expect(stderr).toMatch(/^holdfast: .*ENOSPC/);
  });
});

it('a waiter that reads its output slowly, or not at all, does not hold up the run [A15]', async () => {
  const cli = new Cli();
  const command = `${process.execPath} ${main} once --wait big -- head -c 3000000 /dev/zero`;
  const piped = cli.run(['once', 'other', '--', 'sh', '-c', `${command} | head -c 10 | wc -c`]);
  expect((await piped).stdout.trim()).toBe('10');
  expect((await cli.run(['once', '--exit-code', 'big'])).stdout).toBe('0\n');
});
