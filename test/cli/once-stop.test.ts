import { describe, expect, it, onTestFinished } from 'vitest';
import { until, untilStopped } from '../support/until.ts';
import { Cli } from './cli.ts';
import { isAlive, Task } from './task.ts';

/** A run, and two calls that wait for it: one that would run it next, and one that only waits. */
async function awaited(task: Task) {
  const runner = task.start('--detach');
  await runner.exits();
  const pid = await task.begun();
  const next = task.start();
  const watcher = task.cli.start(['once', '--wait', 'task']);
  for (const waiter of [next, watcher]) await waiter.says(/waiting for task/, 'stderr');
  return { pid, waiters: [next, watcher] };
}

const STOPPED = /holdfast: task was stopped while this call waited for it, by .*; there is no result\. /;

describe('a stop of a run that others wait for', () => {
  it('ends their wait too, and none of them runs it again; a later start does [A13, A17]', async () => {
    const task = new Task();
    const { pid, waiters } = await awaited(task);
    const stop = await task.cli.run(['once', '--stop', 'task']);
    expect(stop).toMatchObject({ code: 0, stdout: 'task was stopped\n' });
    for (const waiter of waiters) {
      const { code, stderr } = await waiter.exits();
      expect(code).toBe(143);
      expect(stderr).toMatch(STOPPED);
    }
    expect(isAlive(pid)).toBe(false);
    expect(task.pids).toEqual([pid]);

    task.open();
    expect((await task.start().exits()).code).toBe(0);
    expect(task.pids).toHaveLength(2);
  });

  it('is followed by the reset that was asked for with it [A13]', async () => {
    const task = new Task();
    const { pid, waiters } = await awaited(task);
    const reset = await task.cli.run(['once', '--reset', '--stop', 'task']);
    expect(reset).toMatchObject({ code: 0, stdout: 'task was stopped\ntask is forgotten\n', stderr: '' });
    for (const waiter of waiters) expect((await waiter.exits()).code).toBe(143);
    expect((await waiters[1]?.exits())?.stderr).toMatch(
      /task was stopped (and forgotten )?while this call waited/,
    );
    expect(task.pids).toEqual([pid]);
    expect(await task.state()).toBeUndefined();
  });

  it('is told as a reset to who looks only when nothing is left of it [A13, R82]', async () => {
    const task = new Task();
    await task.start('--detach').exits();
    await task.begun();
    const watcher = task.cli.start(['once', '--wait', 'task']);
    await watcher.says(/waiting for task/, 'stderr');
    watcher.signal('SIGSTOP');
    await untilStopped(watcher.pid);
    await task.cli.run(['once', '--reset', '--stop', 'task']);

    watcher.signal('SIGCONT');

    const { code, stderr } = await watcher.exits();
    expect(code).toBe(143);
    expect(stderr).toContain(
      'task was stopped and forgotten while this call waited for it; there is no result\n',
    );
  });

  it('ends what is left of its process group when the one that leads it ends first [A17]', async () => {
    const task = new Task();
    const script = `sh -c 'trap "" TERM; echo $$ >> ${task.runs}; exec sleep 1000' & wait`;
    await task.cli.run(['once', '--detach', 'task', '--', 'sh', '-c', script]);
    const deaf = await task.begun();
    onTestFinished(() => {
      if (isAlive(deaf)) process.kill(deaf, 'SIGKILL');
    });

    expect((await task.cli.run(['once', '--stop', 'task'])).stdout).toBe('task was stopped\n');

    await until(() => !isAlive(deaf), 'the whole group is gone');
  });

  it('is part of clean --all --stop, which goes on to the others [A13]', async () => {
    const task = new Task();
    for (const id of ['a', 'z']) await task.cli.run(['once', id, '--', 'true']);
    await awaited(task);
    const cleaned = await task.cli.run(['once', 'clean', '--all', '--stop']);
    expect(cleaned).toMatchObject({
      code: 0,
      stdout: 'a is forgotten\ntask is forgotten\nz is forgotten\n',
      stderr: '',
    });
  });
});

describe('a run inside a program that uses the library', () => {
  it('is left alone with its program, which --yes ends; who waits gets an OnceStoppedError [A17]', async () => {
    const cli = new Cli();
    const program = (work: string) =>
      cli.program(process.execPath, [
        '--input-type=module',
        '--eval',
        `import { once } from 'holdfast/once';
         import { onLockEvent } from 'holdfast';
         onLockEvent('waiting', () => console.log('waiting'));
         process.stdin.resume();
         await once('srv', ${work}).catch((error) => console.log(error.code));
         process.exit();`,
      ]);
    const server = program("() => { console.log('at work'); return new Promise(() => {}); }");
    await server.says(/at work/);
    const waiter = program("() => console.log('run again')");
    await waiter.says(/waiting/);
    for (const args of [
      ['--stop', 'srv'],
      ['--reset', '--stop', 'srv'],
    ]) {
      const { code, stdout, stderr } = await cli.run(['once', ...args]);
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(
          `^holdfast: srv is part of a program, .*pid ${server.pid},.*and was left alone: .* --yes ends it`,
        ),
      );
    }
    const cleaned = await cli.run(['once', 'clean', '--all', '--stop']);
    expect(cleaned.code).toBe(1);
    expect(cleaned.stdout).toMatch(/^srv is part of a program/);

    const stopped = await cli.run(['once', '--stop', '--yes', 'srv']);
    expect(stopped).toMatchObject({ code: 0, stdout: 'srv was stopped\n' });
    expect((await server.exits()).signal).toBe('SIGTERM');
    expect((await waiter.exits()).stdout).toBe('waiting\nHOLDFAST_ONCE_STOPPED\n');
  });
});

describe('clean', () => {
  it('goes on when one is held by somebody it cannot end, and says what it removed and what not [A13]', async () => {
    const task = new Task();
    for (const id of ['a', 'b', 'c']) await task.cli.run(['once', '--scope', 'user', id, '--', 'true']);
    const holder = await task.cli.hold('once:b');
    const cleaned = await task.cli.run(['once', 'clean', '--all']);
    expect(cleaned).toMatchObject({ code: 1, stderr: '' });
    expect(cleaned.stdout).toMatch(
      /^a is forgotten\nc is forgotten\nb is being run by .*, so it was left alone\. Stop it first: /,
    );
    const { removed, left } = JSON.parse((await task.cli.run(['once', 'clean', '--all', '--json'])).stdout);
    expect(removed).toEqual([]);
    expect(left).toMatchObject([{ id: 'b', why: expect.stringMatching(/^b is being run by /) }]);
    await holder.finish();
  });
});
