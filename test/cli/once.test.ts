import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Ending } from '../support/child.ts';
import { Cli, main } from './cli.ts';
import { counted } from './task.ts';

const ended = ({ code, stdout, stderr }: Ending) => ({ code, stdout, stderr });

describe('holdfast once', () => {
  it('runs a command once: who comes later gets its output and its exit code [A1]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'echo out; echo err >&2');
    const first = await cli.run(['once', 'setup', '--', ...words]);
    const second = await cli.run(['once', 'setup', '--', ...words]);
    expect(ended(first)).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(ended(second)).toEqual(ended(first));
    expect(runs()).toBe(1);
  });

  it('gives its input to the command, and takes the options of the command for the command', async () => {
    const cli = new Cli();
    const running = cli.start(['once', 'sort', '--', 'sort', '-r', '--quiet', '--ttl']);
    expect((await running.finish('a\nb\n')).code).not.toBe(0);
    const sorted = cli.start(['once', 'sort', '--', 'sort', '-r']);
    expect(ended(await sorted.finish('a\nb\n'))).toEqual({ code: 0, stdout: 'b\na\n', stderr: '' });
  });

  it('waits for nobody when the task is free, whatever the time-out', async () => {
    const cli = new Cli();
    for (const timeout of ['0', '1ms']) {
      const { code, stdout } = await cli.run([
        'once',
        '--ttl',
        '0',
        '--timeout',
        timeout,
        'x',
        '--',
        'echo',
        'ran',
      ]);
      expect([code, stdout]).toEqual([0, 'ran\n']);
    }
  });

  it('says of a failure where its log is, and runs again at the next start [A11, A14]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'echo oops >&2; exit 3');
    const first = await cli.run(['once', 'bad', '--', ...words]);
    expect(first.code).toBe(3);
    const log = /its log: (\S+) · the next start runs it again/.exec(first.stderr)?.[1] as string;
    expect(first.stderr).toMatch(/^oops\nholdfast: bad failed with exit code 3, after /);
    expect(readFileSync(log, 'utf8')).toBe('oops\n');
    await cli.run(['once', 'bad', '--', ...words]);
    expect(runs()).toBe(2);
  });

  it('tells of a failure in one line of JSON, where JSON is asked for [R82]', async () => {
    const cli = new Cli();
    const words = ['sh', '-c', 'echo oops >&2; exit 3'];
    const first = await cli.run(['once', '--json', '--failure-ttl', '1h', 'bad', '--', ...words]);
    const [said, line = '', ...more] = first.stderr.trimEnd().split('\n');
    expect([first.code, said, more]).toEqual([3, 'oops', []]);
    const { error } = JSON.parse(line);
    expect(error).toMatchObject({ exitCode: 3, id: 'bad', message: 'bad failed: exit code 3' });
    expect(readFileSync(error.log, 'utf8')).toBe('oops\n');
    const second = await cli.run(['once', '--json', 'bad', '--', ...words]);
    expect(second.code).toBe(3);
    expect(JSON.parse(second.stderr).error).toMatchObject({ exitCode: 3, id: 'bad', stderr: ['oops'] });
  });

  it('remembers a failure for as long as it is told to, and shows the end of its stderr [A11, A14]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'seq 1 100 >&2; echo hidden; exit 3');
    await cli.run(['once', '--failure-ttl', '1h', 'bad', '--', ...words]);
    const second = await cli.run(['once', 'bad', '--', ...words]);
    expect(second).toMatchObject({ code: 3, stdout: '' });
    expect(second.stderr).toMatch(
      /^holdfast: bad failed with exit code 3, .* ago; the end of its stderr:\n {2}91\n/,
    );
    expect(second.stderr).toMatch(
      /\n {2}100\nholdfast: its log: .*counts for another 59m.*holdfast once --reset bad\n$/,
    );
    expect(runs()).toBe(1);
    await cli.run(['once', '--reset', 'bad']);
    await cli.run(['once', 'bad', '--', ...words]);
    expect(runs()).toBe(2);
  });

  it.each([
    ['nosuchcommand', 127, 'nosuchcommand: command not found'],
    ['/etc/passwd', 126, '/etc/passwd: not executable'],
  ])('tells of a command that cannot be started as a shell does: %s [R82]', async (word, code, message) => {
    const { code: found, stderr } = await new Cli().run(['once', 'x', '--', word]);
    expect(found).toBe(code);
    expect(stderr).toContain(`holdfast: x failed: ${message}, after`);
  });

  it('does not take a run that a signal ended for a result [A14]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'test $(wc -l < $0) = 2 || kill -TERM $$');
    const command = ['once', '--failure-ttl', '1h', 'x', '--', ...words, join(cli.home, 'runs')];
    const first = await cli.run(command);
    expect(first.signal).toBe('SIGTERM');
    expect(first.stderr).toBe('holdfast: x was ended by SIGTERM; there is no result\n');
    expect((await cli.run(command)).code).toBe(0);
    expect(runs()).toBe(2);
    const history = (await cli.json(['once', '--json', 'history', 'x'])) as object[];
    expect(history).toMatchObject([
      { run: 1, outcome: 'no result', detail: 'was ended by SIGTERM' },
      { run: 2, outcome: 'success', detail: 0 },
    ]);
  });

  it('runs again when its time to live is over, or an input has changed [A14]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'true');
    const cwd = join(cli.home, 'src');
    mkdirSync(join(cwd, 'deep'), { recursive: true });
    writeFileSync(join(cwd, 'deep/a.txt'), 'one');
    const command = ['once', 'x', '--inputs', '**/*.txt', '--', ...words];
    const start = () => cli.run(command, { cwd });
    await start();
    await start();
    expect(runs()).toBe(1);
    writeFileSync(join(cwd, 'deep/a.txt'), 'two');
    await start();
    expect(runs()).toBe(2);
    writeFileSync(join(cwd, 'b.txt'), 'new');
    await start();
    expect(runs()).toBe(3);
    await cli.run([...command.slice(0, 4), '--ttl', '0', '--', ...words], { cwd });
    expect(runs()).toBe(4);
  });

  it('tells the IDs of projects apart, unless it is asked for those of the user [A18, X42]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'true');
    const [a, b] = ['a', 'b'].map((name) => join(cli.home, name)) as [string, string];
    for (const project of [a, b]) mkdirSync(join(project, '.git'), { recursive: true });
    mkdirSync(join(a, 'deep'));
    await cli.run(['once', 'x', '--', ...words], { cwd: a });
    await cli.run(['once', '--scope', 'project', 'x', '--', ...words], { cwd: join(a, 'deep') });
    expect(runs()).toBe(1);
    await cli.run(['once', 'x', '--', ...words], { cwd: b });
    expect(runs()).toBe(2);
    const env = { HOLDFAST_ONCE_SCOPE: 'user' };
    await cli.run(['once', 'x', '--', ...words], { cwd: b, env });
    await cli.run(['once', '--scope', 'user', 'x', '--', ...words], { cwd: a });
    await cli.run(['once', 'x', '--', ...words], { cwd: '/' });
    expect(runs()).toBe(3);
    const unknown = await cli.run(['once', '--stdout', '--id', 'ls'], { cwd: a });
    expect(unknown.stderr).toContain('Start it: holdfast once --wait --id=ls -- COMMAND');
    const users = await cli.run(['once', '--scope', 'user', '--stdout', '--id', 'ls'], { cwd: a });
    expect(users.stderr).toContain('Start it: holdfast once --scope user --wait --id=ls -- COMMAND');
    const states = (await cli.json(['once', 'ls', '--json'])) as { id: string; project: string | null }[];
    expect(states.map(({ id, project }) => `${id} ${project}`).sort()).toEqual([
      `x ${a}`,
      `x ${b}`,
      'x null',
    ]);
  });

  it.each(['ls', 'a/b', '--help', 'höhe 🏔', '-x', '$(reboot)\n'])(
    'takes any id behind --id: %j [A18]',
    async (id) => {
      const cli = new Cli();
      const { words, runs } = counted(cli, 'echo done');
      for (const _ of [1, 2]) {
        expect(ended(await cli.run(['once', `--id=${id}`, '--', ...words]))).toEqual({
          code: 0,
          stdout: 'done\n',
          stderr: '',
        });
      }
      expect(runs()).toBe(1);
      expect(await cli.json(['once', 'ls', '--json'])).toMatchObject([{ id, state: 'done' }]);
    },
  );

  it('keeps of the environment what says much, and no secrets; for its user alone', async () => {
    const cli = new Cli();
    const env = { API_TOKEN: 'secret', LANG: 'C' };
    await cli.run(['once', 'x', '--', 'true'], { env });
    const [state] = (await cli.json(['once', 'ls', '--json'])) as { environment: object; cwd: string }[];
    expect(state).toMatchObject({ cwd: process.cwd(), environment: { LANG: 'C', PATH: process.env.PATH } });
    expect(state?.environment).not.toHaveProperty('API_TOKEN');
  });

  it('refuses to be started by its own command, which would wait for itself [R81]', async () => {
    const cli = new Cli();
    const { code, stderr } = await cli.run([
      'once',
      'x',
      '--',
      process.execPath,
      main,
      'once',
      'x',
      '--',
      'true',
    ]);
    expect(code).toBe(125);
    expect(stderr).toContain('holdfast: x is being run around this very call, which would wait for itself');
  });

  it('leaves other commands repeatable: a lock is not a memory [A10]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'true');
    await cli.run(['once', 'x', '--', ...words]);
    for (const _ of [1, 2]) await cli.run(['run', 'x', '--', ...words]);
    expect(runs()).toBe(3);
  });
});

describe('looking at a task', () => {
  it('that was never started says so everywhere [A12]', async () => {
    const cli = new Cli();
    for (const deed of ['--peek', '--active']) {
      expect(ended(await cli.run(['once', deed, 'x']))).toEqual({
        code: 1,
        stdout: 'x was never started\n',
        stderr: '',
      });
    }
    for (const deed of ['--wait', '--follow', '--stdout', '--stderr', '--exit-code']) {
      const { code, stderr } = await cli.run(['once', deed, 'x']);
      expect(code).toBe(125);
      expect(stderr).toBe('holdfast: x was never started. Start it: holdfast once --wait x -- COMMAND\n');
    }
    expect((await cli.run(['once', '--reset', 'x'])).stdout).toBe('x was never started\n');
    const stdout = 'no run of x is known. Look: holdfast once ls\n';
    expect(await cli.run(['once', '--stop', 'x'])).toMatchObject({ code: 1, stdout });
    expect(existsSync(join(cli.home, 'locks'))).toBe(false); // as after any other look
    expect((await cli.run(['once', 'ls'])).stdout).toBe('no run of once is recorded yet\n');
    expect((await cli.run(['once', 'history', 'x'])).stdout).toBe('x has never finished\n');
  });

  it('that is done prints its parts, and is listed with what there is to know [A11, A12]', async () => {
    const cli = new Cli();
    await cli.run(['once', '--ttl', '1h', 'x', '--', 'sh', '-c', 'echo out; echo err >&2']);
    await cli.run(['once', 'y', '--', 'sh', '-c', 'exit 7']);
    expect((await cli.run(['once', '--stdout', 'x'])).stdout).toBe('out\n');
    expect((await cli.run(['once', '--stderr', 'x'])).stderr).toBe('err\n');
    expect((await cli.run(['once', '--exit-code', 'y'])).stdout).toBe('7\n');
    expect((await cli.run(['once', '--peek', 'x'])).stdout).toMatch(
      /^x was done .* ago \(exit 0\); its result counts for another 59m \d+s\n$/,
    );
    const { stdout } = await cli.run(['once', 'ls']);
    expect(stdout).toMatch(/^ID +STATE +STARTED +TOOK +EXIT +EXPIRES +IN +COMMAND\n/);
    expect(stdout).toMatch(/\nx +done +[\d:]+ +\S+ +0 +in 59m \d+s +\S+ +sh -c echo out; echo err >&2\n/);
    expect(stdout).toMatch(/\ny +failed +[\d:]+ +\S+ +7 +\S+ +sh -c exit 7\n/);
    expect((await cli.run(['once', 'history', 'y'])).stdout).toMatch(/\n1 +[\d:]+ +\S+ +failure +exit 7\n$/);
  });

  it('that counts longer than a date can say is listed as one that counts for ever [A11, A14]', async () => {
    const cli = new Cli();
    await cli.run(['once', '--ttl', '99999999999d', 'x', '--', 'true']);
    const { code, stdout } = await cli.run(['once', 'ls']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/\nx +done .* never /) });
    expect(await cli.json(['once', 'ls', '--json'])).toMatchObject([
      { id: 'x', state: 'done', expires: null },
    ]);
    expect(await cli.json(['once', '--json', '--peek', 'x'])).toMatchObject({ expires: null });
    expect((await cli.run(['once', '--peek', 'x'])).stdout).toContain('; its result counts for ever\n');
  });

  it.each([
    ['failed', ['sh', '-c', 'exit 5']],
    ['was done', ['true']],
  ])('that %s is finished, though the outcome does not count any more [A12]', async (says, words) => {
    const cli = new Cli();
    await cli.run(['once', '--ttl', '0', 'x', '--', ...words]);
    for (const deed of ['--peek', '--active']) {
      const { code, stdout } = await cli.run(['once', deed, 'x']);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`x ${says} `) });
    }
    await cli.run(['once', '--reset', 'x']);
    await cli.run(['once', 'x', '--', 'sh', '-c', 'kill -TERM $$']);
    for (const deed of ['--peek', '--active']) expect((await cli.run(['once', deed, 'x'])).code).toBe(1);
  });

  it('is listed in a table that no ID and no command makes wider than it can be read [R82]', async () => {
    const cli = new Cli();
    const id = `${'é'.repeat(30)}${'\u{1f512}'.repeat(200)}`;
    await cli.run(['once', id, '--', 'true', 'x'.repeat(500)]);
    await cli.run(['once', 'short', '--', 'true']);
    const lines = (await cli.run(['once', 'ls'])).stdout.trimEnd().split('\n');
    expect(lines.some((line) => line.startsWith(`${'é'.repeat(30)}${'\u{1f512}'.repeat(19)}…  done`))).toBe(
      true,
    );
    for (const line of lines) expect([...line].length).toBeLessThan(200);
    const listed = (await cli.json(['once', 'ls', '--json'])) as { id: string }[];
    expect(listed.map((each) => each.id)).toContain(id);
  });

  it('that a program ran with the library shows its result too [A12]', async () => {
    const cli = new Cli();
    const script = "import { once } from 'holdfast/once'; await once('x', () => ({ answer: 42 }));";
    const program = cli.program(process.execPath, ['--input-type=module', '--eval', script]);
    expect((await program.exits()).code).toBe(0);
    expect((await cli.run(['once', '--stdout', 'x'])).stdout).toBe('{"answer":42}');
    expect((await cli.run(['once', '--wait', 'x'])).stdout).toBe('{"answer":42}');
  });
});

describe('bad usage of once', () => {
  it.each([
    [[], 'once needs an ID, or ls, history or clean'],
    [['x'], 'once needs a COMMAND after --'],
    [['x', '--'], 'once needs a COMMAND after --'],
    [['', '--', 'true'], 'ID must not be empty'],
    [['x', '--', ''], 'COMMAND must not be empty'],
    [['x', 'y', '--', 'true'], 'once takes one ID, got x y'],
    [['--peek', 'x', '--', 'true'], '--peek does not take a COMMAND'],
    [['--peek', '--stdout', 'x'], '--peek and --stdout do not go together'],
    [['ls', '--', 'true'], 'holdfast once --id ls -- COMMAND'],
    [['ls', 'x'], 'ls does not take another word, got x'],
    [['--wait', 'ls'], 'ls does not go with --wait'],
    [['history'], 'history needs an ID'],
    [['clean'], 'clean needs --failed, --dead or --all'],
    [['--failed', 'x', '--', 'true'], '--failed goes with: holdfast once clean'],
    [
      ['--detach', '--timeout', '1s', 'x', '--', 'true'],
      '--timeout has no effect here, got it with --detach',
    ],
    [['ls', '--ttl', '5s'], '--ttl has no effect here, got it with ls'],
    [['ls', '--scope', 'project'], '--scope has no effect here, got it with ls'],
    [['--peek', '--inputs', 'nomatch', '--id', 'x'], '--inputs has no effect here, got it with --peek'],
    [['--exit-code', '--message', 'm', 'x'], '--message has no effect here, got it with --exit-code'],
    [['--wait', '--failure-ttl', '1h', 'x'], '--failure-ttl needs a COMMAND after --'],
    [['--yes', 'x', '--', 'true'], '--yes has no effect here'],
    [['--reset', '--yes', 'x'], '--yes goes with --stop'],
    [['--ttl', 'soon', 'x', '--', 'true'], '--ttl must be a duration'],
    [['--attempts', '0', 'x', '--', 'true'], '--attempts must be a whole number above 0'],
    [['--scope', 'world', 'x', '--', 'true'], 'world'],
    [['--inputs', 'nothing-*', '--id', 'x', '--', 'true'], '--inputs matches no file: "nothing-*"'],
    [['--inputs', 'a', 'x', '--', 'true'], '--inputs takes every word after it'],
    [
      ['x', '--inputs', '--', 'true'],
      '--inputs needs at least one pattern, got "--". See holdfast once --help',
    ],
    [['x', '--inputs', '--ttl', '1h', '--', 'true'], '--inputs needs at least one pattern, got "--ttl"'],
    [['--system', 'x', '--', 'true'], 'once has no --system'],
    [['--validate', '', 'x', '--', 'true'], '--validate needs a value'],
  ])('names the offence and runs nothing: %j [R82]', async (args, message) => {
    const cli = new Cli();
    const { code, stdout, stderr } = await cli.run(['once', ...args]);
    expect(code).toBe(125);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(existsSync(join(cli.home, 'once'))).toBe(false);
  });

  it('names the environment variable that cannot be used [F13]', async () => {
    const cli = new Cli();
    const env = { HOLDFAST_ONCE_SCOPE: 'world' };
    const { code, stderr } = await cli.run(['once', 'x', '--', 'true'], { env });
    expect(code).toBe(125);
    expect(stderr).toContain('HOLDFAST_ONCE_SCOPE must be "user" or "project", got "world"');
  });
});
