import { join } from 'node:path';
import { OnceCommand } from 'holdfast/once';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Latch } from '../support/latch.ts';
import { newHome } from '../support/place.ts';
import { until, untilStopped } from '../support/until.ts';
import { Cli, main } from './cli.ts';
import { counted, Task } from './task.ts';

describe('two commands under one ID', () => {
  it('have a result each, in one row of runs [X42, A11]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'echo');
    const report = (month: string) =>
      cli.run(['once', 'report', '--', ...words.slice(0, 2), `${words[2]} ${month}`]);
    for (const month of ['jan', 'feb', 'jan', 'feb']) {
      expect(await report(month)).toMatchObject({ code: 0, stdout: `${month}\n`, stderr: '' });
    }
    expect(runs()).toBe(2);
    expect((await cli.run(['once', '--stdout', 'report'])).stdout).toBe('feb\n');
    const history = (await cli.json(['once', 'history', 'report', '--json'])) as { run: number }[];
    expect(history.map(({ run }) => run)).toEqual([1, 2]);
    await cli.run(['once', '--reset', 'report']);
    expect((await report('jan')).stdout).toBe('jan\n');
    expect(runs()).toBe(3);
  });

  it('are told apart by bytes that are no UTF-8, and by where one word ends [X42, X43]', async () => {
    const cli = new Cli();
    const say = (word: string) => {
      const call = `"$0" "$1" once say -- printf '%s.' "$(printf '${word}')"`;
      return cli.program('sh', ['-c', call, process.execPath, main], { encoding: 'latin1' }).finish();
    };
    expect((await say('\\351')).stdout).toBe('\xe9.');
    expect((await say('\\352')).stdout).toBe('\xea.');
    expect((await cli.run(['once', 'say', '--', 'printf', '%s.', 'ab'])).stdout).toBe('ab.');
    expect((await cli.run(['once', 'say', '--', 'printf', '%s.', 'a', 'b'])).stdout).toBe('a.b.');
  });

  it("run one after the other; the outcome of the first is not the second's, however it ends [X42, A1, A16]", async () => {
    const task = new Task('exit 3');
    const first = task.start();
    await task.begun();
    const second = task.cli.start(['once', 'task', '--', 'echo', 'mine']);
    await second.says(/waiting for task, run by "sh -c/, 'stderr');
    task.open();
    expect((await first.exits()).code).toBe(3);
    expect(await second.exits()).toMatchObject({ code: 0, stdout: 'mine\n' });
  });

  it('the second is told to wait for the first when it goes to the background, and then runs [X42, R82]', async () => {
    const task = new Task();
    await task.start('--detach', '--quiet').exits();
    await task.begun();
    const mine = ['task', '--', 'echo', 'mine'];
    const { code, stderr } = await task.cli.run(['once', '--detach', ...mine]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^holdfast: task waits for the run of another command, by "sh -c .*\), and then runs\. Follow: holdfast once --follow task -- echo mine · wait: holdfast once --wait task -- echo mine\n$/,
    );
    const json = { id: 'task', state: 'waiting' };
    expect(await task.cli.json(['once', '--detach', '--json', ...mine])).toEqual(json);
    const again = await task.start('--detach').exits();
    expect(again.stderr).toMatch(
      /^holdfast: task is being run already\. Follow: holdfast once --follow task · /,
    );
    task.open();
    expect((await task.cli.run(['once', '--wait', ...mine])).stdout).toBe('mine\n');
  });

  it('the second runs also when the first was stopped while it waited [X42, A17]', async () => {
    const task = new Task();
    const first = task.start();
    await task.begun();
    const second = task.cli.start(['once', '--follow', 'task', '--', 'echo', 'mine']);
    await second.says(/waiting for task/, 'stderr');
    expect((await task.cli.run(['once', '--stop', 'task'])).stdout).toBe('task was stopped\n');
    await first.exits();
    expect(await second.exits()).toMatchObject({ code: 0, stdout: 'mine\n' });
  });

  it.each(['kernel', 'portable'])(
    'the second runs when the first is stopped; who waited behind it for the first does not run that again, and is told at once, by the %s engine [X42, A13]',
    async (engine) => {
      const task = new Task();
      task.cli.env.HOLDFAST_ENGINE = engine;
      const first = task.start();
      await task.begun();
      const gate = new Latch(join(task.cli.home, 'second'));
      onTestFinished(() => gate.open());
      const second = task.cli.start(['once', 'task', '--', 'sh', '-c', `: < ${gate.path}; echo mine`]);
      await second.says(/waiting for task/, 'stderr');
      const third = [task.start(), task.start('--wait')];
      for (const each of third) await each.says(/waiting for task/, 'stderr');
      expect((await task.cli.run(['once', '--stop', 'task'])).stdout).toBe('task was stopped\n');
      await first.exits();
      for (const each of third) expect((await each.exits()).code).toBe(143);
      gate.open();
      expect(await second.exits()).toMatchObject({ code: 0, stdout: 'mine\n' });
      expect(task.pids).toHaveLength(1);
    },
  );

  it.each(['kernel', 'portable'])(
    'the first is over for those who waited for it, though they stand behind the second, by the %s engine [X42, A1]',
    async (engine) => {
      const task = new Task();
      task.cli.env.HOLDFAST_ENGINE = engine;
      const first = task.start('--quiet');
      await task.begun();
      const gate = new Latch(join(task.cli.home, 'second'));
      const second = task.cli.start(['once', 'task', '--', 'sh', '-c', `: < ${gate.path}`]);
      onTestFinished(() => gate.open());
      await second.says(/waiting for task/, 'stderr');
      const third = [task.start(), task.start('--wait')];
      for (const each of third) await each.says(/waiting for task/, 'stderr');
      task.open();
      const { stdout } = await first.exits();
      for (const each of third) expect(await each.exits()).toMatchObject({ code: 0, stdout });
      gate.open();
      expect((await second.exits()).code).toBe(0);
      expect(task.pids).toHaveLength(1);
    },
  );

  it('--wait and --follow without a command end with the run that was under way, not with that behind it [X42, A16]', async () => {
    const task = new Task('exit 3');
    await task.start('--detach', '--quiet').exits();
    await task.begun();
    const gate = new Latch(join(task.cli.home, 'second'));
    onTestFinished(() => gate.open());
    const second = task.cli.start(['once', 'task', '--', 'sh', '-c', `: < ${gate.path}`]);
    await second.says(/waiting for task/, 'stderr');
    const [waiter, follower] = [
      task.cli.start(['once', '--wait', 'task']),
      task.cli.start(['once', '--follow', 'task']),
    ];
    for (const each of [waiter, follower]) await each.says(/waiting for task/, 'stderr');
    await follower.says(/started/);

    task.open();

    expect((await waiter.exits()).code).toBe(3);
    expect(await follower.exits()).toMatchObject({ code: 3, stdout: 'started\n' });
    gate.open();
    expect((await second.exits()).code).toBe(0);
  });

  it('--wait and --follow without a command end with that run also when the one behind it is over before they look [X42, A16]', async () => {
    const task = new Task('exit 3');
    await task.start('--detach', '--quiet').exits();
    await task.begun();
    const second = task.cli.start(['once', 'task', '--', 'true']);
    await second.says(/waiting for task/, 'stderr');
    const waiters = ['--wait', '--follow'].map((deed) => task.cli.start(['once', deed, 'task']));
    for (const each of waiters) {
      await each.says(/waiting for task/, 'stderr');
      each.signal('SIGSTOP');
      await untilStopped(each.pid);
    }

    task.open();
    expect((await second.exits()).code).toBe(0);

    for (const each of waiters) each.signal('SIGCONT');
    for (const each of waiters) expect((await each.exits()).code).toBe(3);
  });

  it('the second takes the outcome of the first with --any-command, and not its own older one [X42]', async () => {
    const cli = new Cli();
    for (const word of ['mine', 'theirs']) await cli.run(['once', 'x', '--', 'echo', word]);
    expect((await cli.run(['once', '--any-command', 'x', '--', 'echo', 'mine'])).stdout).toBe('theirs\n');
    expect((await cli.run(['once', 'x', '--', 'echo', 'mine'])).stdout).toBe('mine\n');
    expect((await cli.run(['once', '--wait', '--any-command', 'x', '--', 'echo', 'new'])).stdout).toBe(
      'theirs\n',
    );
    const refused = await cli.run(['once', '--any-command', '--peek', 'x']);
    expect([refused.code, refused.stderr]).toEqual([
      125,
      'holdfast: --any-command has no effect here, got it with --peek\n',
    ]);
  });
});

describe('a program that runs a command under an ID', () => {
  it('follows its own run, which waits behind that of another command [X42, A12]', async () => {
    const directory = newHome();
    const gate = new Latch(join(directory, 'gate'));
    const other = new OnceCommand('index', ['sh', '-c', `echo other; : < ${gate.path}`], { directory });
    expect(await other.start()).toBe('running');
    const own = new OnceCommand('index', ['echo', 'own'], { directory });
    expect(await own.start()).toBe('waiting');
    let said = '';
    const following = own.follow((chunk) => {
      said += Buffer.from(chunk).toString();
    });
    expect([own.state(), other.state()]).toEqual(['none', 'running']);
    gate.open();
    expect(await following).toMatchObject({ exitCode: 0 });
    expect(said).toBe('own\n');
    await until(() => other.state() === 'done', 'the other has its own outcome');
    expect(await own.start()).toBe('finished');
  });
});

describe('an ID that is looked at', () => {
  it('is that of the project, else that of the user, and list says which is which [X42, A12]', async () => {
    const cli = new Cli();
    const id = 'x';
    await cli.run(['once', '--scope', 'user', id, '--', 'echo', "the user's"]);
    expect((await cli.run(['once', '--stdout', id])).stdout).toBe("the user's\n");
    await cli.run(['once', id, '--', 'echo', "the project's"]);
    expect((await cli.run(['once', '--stdout', id])).stdout).toBe("the project's\n");
    const { stdout } = await cli.run(['once', 'ls']);
    expect(stdout).toMatch(/^x \(user\) +done .* echo the user's$/m);
    expect(stdout).toMatch(/^x +done .* echo the project's$/m);
    expect((await cli.run(['once', '--reset', id])).stdout).toBe('x is forgotten\n');
    expect((await cli.run(['once', '--stdout', id])).stdout).toBe("the user's\n");
  });
});
