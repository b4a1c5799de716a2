import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';
import { isAlive, statOf, Task } from './task.ts';

const ROUNDS = Number(process.env.HOLDFAST_ONCE_ROUNDS ?? 1);

describe(`20 terminals that start one task at the same instant, in ${ROUNDS} rounds`, () => {
  it('run it once, and get 20 equal results [A1]', { timeout: 600_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const task = new Task();
      const all = Array.from({ length: 20 }, () => task.start('--quiet'));
      await task.begun();
      task.open();
      const results = await Promise.all(all.map((each) => each.exits()));
      const [pid] = task.pids;
      expect(task.pids).toHaveLength(1);
      for (const { code, stdout, stderr } of results) {
        expect({ code, stdout, stderr }).toEqual({
          code: 0,
          stdout: `started\nfinished by ${pid}\n`,
          stderr: '',
        });
      }
    }
  });

  it('run it once more when the runner and its command are killed -9 in the middle [A1, H16]', {
    timeout: 600_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const task = new Task();
      const all = Array.from({ length: 20 }, () => task.start('--quiet'));
      const pid = await task.begun();
      const runner = await task.runner();
      process.kill(runner, 'SIGKILL');
      process.kill(-pid, 'SIGKILL');
      await task.begun(2);
      task.open();
      const results = await Promise.all(all.filter(({ pid }) => pid !== runner).map((each) => each.exits()));
      expect(task.pids).toHaveLength(2);
      for (const { code, stdout } of results) {
        expect({ code, stdout }).toEqual({ code: 0, stdout: `started\nfinished by ${task.pids[1]}\n` });
      }
    }
  });
});

describe('a run whose runner alone is killed -9', () => {
  it.each(['kernel', 'portable'])(
    'keeps the lock until its command ends; only then the next in line runs, by the %s engine [A1, A5]',
    async (engine) => {
      const task = new Task('true');
      task.cli.env.HOLDFAST_ENGINE = engine;
      const first = task.start();
      const pid = await task.begun();
      const second = task.start();
      await second.says(/waiting for task, run by "sh -c .*command pid/, 'stderr');
      await first.kill();
      expect((await task.state())?.state).toBe('running');
      expect(task.pids).toEqual([pid]);
      process.kill(-pid, 'SIGKILL');
      await task.begun(2);
      task.open();
      expect((await second.exits()).code).toBe(0);
    },
  );

  it('is ended by --stop all the same, and then counts as dead [A13, A17]', async () => {
    const task = new Task();
    await task.start('--detach').exits();
    const pid = await task.begun();
    process.kill(await task.runner(), 'SIGKILL');
    expect((await task.cli.run(['once', '--stop', 'task'])).stdout).toBe('task was stopped\n');
    expect(isAlive(pid)).toBe(false);
    expect((await task.state())?.state).toBe('dead');
    expect((await task.cli.run(['once', '--peek', 'task'])).stdout).toMatch(
      /^task has no result: its last run ended without a word, as when it is killed \(run 1, started /,
    );
    expect((await task.cli.run(['once', 'clean', '--dead'])).stdout).toBe('task is forgotten\n');
    expect(await task.state()).toBeUndefined();
  });
});

describe('a run in the background', () => {
  it('survives its starter, in a session of its own that inherits nothing [A12]', async () => {
    const task = new Task();
    const starter = await task.start('--detach').exits();
    expect(starter).toMatchObject({ code: 0, stdout: '' });
    expect(starter.stderr).toBe(
      'holdfast: task runs in the background. Follow: holdfast once --follow task · wait: holdfast once --wait task\n',
    );
    const pid = await task.begun();
    const runner = await task.runner();
    expect(statOf(runner)[3]).toBe(String(runner)); // leads its session
    expect([statOf(pid)[2], statOf(pid)[3]]).toEqual([String(pid), String(pid)]);
    for (const fd of [0, 1, 2]) expect(readlinkSync(`/proc/${runner}/fd/${fd}`)).toBe('/dev/null');
    const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(
      files.filter((path) => path.startsWith(task.cli.home)).every((path) => path.endsWith('.lock')),
    ).toBe(true);
    expect(files[0]).toBe('/dev/null');

    expect((await task.cli.run(['once', '--active', 'task'])).code).toBe(0);
    expect((await task.cli.run(['once', '--peek', 'task'])).code).toBe(1);
    expect((await task.cli.run(['once', '--stdout', 'task'])).stdout).toBe('started\n');
    const unfinished = await task.cli.run(['once', '--exit-code', 'task']);
    expect(unfinished.code).toBe(125);
    expect(unfinished.stderr).toBe('holdfast: task is still running. Wait: holdfast once --wait task\n');

    task.open();
    const waited = await task.cli.run(['once', '--wait', '--quiet', 'task']);
    expect(waited).toMatchObject({ code: 0, stdout: `started\nfinished by ${pid}\n`, stderr: '' });
    expect((await task.cli.run(['once', '--peek', 'task'])).code).toBe(0);
  });

  it('is started by --wait, which is not the runner: killing it leaves the run alone [A12, A15]', async () => {
    const task = new Task();
    const waiter = task.start('--wait');
    const pid = await task.begun();
    await waiter.kill();
    const second = task.start('--wait', '--message', 'patience');
    await second.says(/^holdfast: patience\n/, 'stderr');
    task.open();
    expect(await second.exits()).toMatchObject({ code: 0, stdout: `started\nfinished by ${pid}\n` });
    expect(task.pids).toEqual([pid]);
  });

  it('that is over at once is not said to be waited for, least of all as one without a record [A12]', async () => {
    const cli = new Cli();
    for (const id of ['a', 'b', 'c']) {
      const { code, stdout, stderr } = await cli.run(['once', '--wait', id, '--', 'echo', 'done']);
      expect([code, stdout]).toEqual([0, 'done\n']);
      expect(stderr).toMatch(/^(holdfast: waiting for [abc], run by "echo done" \(.*\n)?$/);
    }
  });

  it('is not disturbed by a waiter whose time is up, which exits with 124 and says what to do [A15]', async () => {
    const task = new Task();
    await task.start('--detach', '--quiet').exits();
    const pid = await task.begun();
    for (const words of [
      ['--wait', '--timeout', '10ms', 'task'],
      ['-w', '10ms', 'task', '--', ...task.words],
      ['--timeout', '0', 'task', '--', ...task.words],
    ]) {
      const { code, stderr } = await task.cli.run(['once', ...words]);
      expect(code).toBe(124);
      expect(stderr).toMatch(/task is (still being run|held) by "sh -c.*waited \d+ms/);
      expect(stderr).toContain('holdfast once --peek task');
    }
    expect(isAlive(pid)).toBe(true);
    task.open();
    expect((await task.cli.run(['once', '--wait', 'task'])).code).toBe(0);
    expect(task.pids).toEqual([pid]);
  });

  it.each(['--wait', '--follow'])(
    'is waited for by %s for as long as is asked, months too [A12]',
    async (deed) => {
      const task = new Task();
      await task.start('--detach', '--quiet').exits();
      await task.begun();
      const waiter = task.cli.start(['once', deed, '--timeout', '1440h', 'task']);
      await waiter.says(/waiting for task/, 'stderr');
      expect((await task.cli.run(['once', '--active', 'task'])).code).toBe(0); // a timer of a month too long is over by now
      task.open();
      expect((await waiter.exits()).code).toBe(0);
    },
  );

  it('shows its log while it grows, and ends as it does [A11, A12]', async () => {
    const task = new Task('echo the end >&2; exit 4');
    const follower = task.start('--follow');
    await follower.says(/started\n/);
    const second = task.cli.start(['once', '--follow', 'task']);
    await second.says(/started\n/);
    task.open();
    for (const each of [follower, second]) {
      const { code, stdout, stderr } = await each.exits();
      expect({ code, stdout }).toEqual({ code: 4, stdout: 'started\n' });
      expect(stderr).toMatch(/the end\nholdfast: task failed with exit code 4/);
    }
  });

  it('makes as many attempts as it was told to [A1, A12]', async () => {
    const task = new Task();
    const first = task.start();
    const pid = await task.begun();
    const second = task.start('--wait', '--attempts', '1');
    await second.says(/waiting for task/, 'stderr');

    process.kill(first.pid, 'SIGKILL');
    process.kill(-pid, 'SIGKILL');
    task.open(); // one attempt more would succeed

    expect(await second.exits()).toMatchObject({ code: 125, stdout: '' });
    expect(task.pids).toEqual([pid]);
  });

  it('has none of the locks around the one that started it [A12, C2]', async () => {
    const cli = new Cli();
    const holdfast = [process.execPath, main];
    const busy = [...holdfast, 'run', '--no-wait', 'mirror', '--', 'echo', 'ran'];
    const inside = [...holdfast, 'once', '--wait', 'task', '--', ...busy];

    const { code, stdout } = await cli.run(['run', 'mirror', '--', ...inside]);

    expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
  });

  it('that failed to start tells its starter why [A12]', async () => {
    const cli = new Cli();
    writeFileSync(join(cli.home, 'once'), 'in the way');
    const { code, stderr } = await cli.run(['once', '--detach', 'x', '--', 'true']);
    expect(code).toBe(125);
    expect(stderr).toMatch(/^holdfast: What once has recorded in .* cannot be read: ENOTDIR\. Move \S+ away/);
  });

  it('is stopped with its whole process group, however deaf [A17]', async () => {
    const task = new Task();
    const script = `trap '' TERM; sleep 1000 & echo $! >> ${task.runs}; sleep 1000`;
    await task.cli.run(['once', '--detach', 'deaf', '--', 'sh', '-c', script]);
    const sleeper = await task.begun();
    expect((await task.cli.run(['once', '--stop', 'deaf'])).stdout).toBe('deaf was stopped\n');
    await until(() => !isAlive(sleeper), 'the whole group is gone');
    expect((await task.cli.run(['once', '--peek', 'deaf'])).stdout).toMatch(
      /^deaf has no result: .* ended by SIG/,
    );
  });

  it('that ends well when it is stopped has no result all the same [A14, A17]', async () => {
    const task = new Task();
    const script = `trap 'exit 0' TERM; echo $$ >> ${task.runs}; while :; do sleep 0.02; done`;
    await task.cli.run(['once', '--detach', 'server', '--', 'bash', '-c', script]);
    await task.begun();
    await task.cli.run(['once', '--stop', 'server']);
    expect((await task.cli.run(['once', '--peek', 'server'])).stdout).toContain('has no result');
  });

  it('is left alone by --reset and clean unless they are told to stop it [A13]', async () => {
    const task = new Task();
    await task.start('--detach', '--quiet').exits();
    const pid = await task.begun();
    await task.cli.run(['once', 'other', '--', 'true']);

    const reset = await task.cli.run(['once', '--reset', 'task']);
    expect(reset.code).toBe(125);
    expect(reset.stderr).toMatch(
      /^holdfast: task is being run by "sh -c .*, so it was left alone\. Stop it first: holdfast once --reset --stop task\n$/,
    );
    const cleaned = await task.cli.run(['once', 'clean', '--all']);
    expect(cleaned).toMatchObject({
      code: 1,
      stdout: 'other is forgotten\ntask is running and was left alone; --stop ends it\n',
    });
    expect(isAlive(pid)).toBe(true);
    expect((await task.cli.run(['once', '--reset', '--stop', 'task'])).stdout).toBe(
      'task was stopped\ntask is forgotten\n',
    );
    expect(isAlive(pid)).toBe(false);
    expect(await task.state()).toBeUndefined();
  });

  it('is not signalled when its record names another process of the same id [A17, H1]', async () => {
    const task = new Task();
    await task.start('--detach', '--quiet').exits();
    const pid = await task.begun();
    const runner = await task.runner();
    process.kill(runner, 'SIGKILL');
    const directory = join(task.cli.home, 'once', readdirSync(join(task.cli.home, 'once'))[0] as string);
    const file = join(directory, 'current');
    const current = JSON.parse(readFileSync(file, 'utf8'));
    current.task.child.start = '1';
    writeFileSync(file, JSON.stringify(current));
    const { stdout } = await task.cli.run(['once', '--stop', 'task']);
    expect(stdout).toBe('task was not running\n');
    expect(isAlive(pid)).toBe(true);
    process.kill(-pid, 'SIGKILL');
  });
});

describe('a run in the foreground', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'passes %s on to its command, and has no result then [A14]',
    async (signal) => {
      const task = new Task();
      const running = task.start();
      const pid = await task.begun();
      running.signal(signal);
      const ending = await running.exits();
      expect(ending.signal).toBe(signal);
      expect(ending.stderr).toBe(`holdfast: task was ended by ${signal}; there is no result\n`);
      expect(isAlive(pid)).toBe(false);
      expect((await task.state())?.state).toBe('ended');
    },
  );

  it('that is waited for leaves a waiter free to go at Ctrl-C [A15]', async () => {
    const task = new Task();
    const runner = task.start();
    const pid = await task.begun();
    const waiter = task.start();
    await waiter.says(/waiting for task/, 'stderr');
    waiter.signal('SIGINT');
    expect((await waiter.exits()).signal).toBe('SIGINT');
    expect(isAlive(pid)).toBe(true);
    task.open();
    expect((await runner.exits()).code).toBe(0);
  });
});
