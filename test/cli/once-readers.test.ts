import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { Latch } from '../support/latch.ts';
import { until } from '../support/until.ts';
import { main } from './cli.ts';
import { isAlive, Task } from './task.ts';

const once = `'${process.execPath}' '${main}' once`;

/** A command that prints lines until a file is there. */
function printing(task: Task) {
  const over = join(task.cli.home, 'over');
  const script = `echo $$ >> ${task.runs}; until test -e ${over}; do echo line; sleep 0.01; done; echo the end`;
  return { words: `sh -c '${script}'`, end: () => writeFileSync(over, '') };
}

/** How many bytes the only run has logged of its output. */
function logged(task: Task): number {
  const records = join(task.cli.home, 'once');
  const names = readdirSync(records, { recursive: true, encoding: 'utf8' });
  return statSync(join(records, names.find((name) => /run-[^/]+\/stdout$/.test(name)) as string)).size;
}

/** A call whose reader takes one line, and leaves when it is told to. */
function readOnce(task: Task, words: string) {
  const [leave, left] = [new Latch(join(task.cli.home, 'leave')), join(task.cli.home, 'left')];
  const pipeline = `${once} task -- ${words} | { read -r; : < ${leave.path}; : > ${left}; }; echo "\${PIPESTATUS[0]}"`;
  const call = task.cli.program('bash', ['-c', pipeline]);
  /** Resolves when the run has gone on for a while without its reader. */
  const leaves = async () => {
    leave.open();
    await until(() => existsSync(left), 'the reader leaves');
    const enough = logged(task) + 20 * 'line\n'.length;
    await until(() => logged(task) >= enough, 'the run goes on');
  };
  return { call, leave, leaves };
}

describe('a reader that leaves', () => {
  it('ends the run that it read, as by PIPE, with its group, and nothing is recorded [X39]', async () => {
    const task = new Task();
    const { words } = printing(task);
    const pipeline = `${once} task -- ${words} | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await task.cli.program('bash', ['-c', pipeline]).exits();
    expect([stdout, stderr]).toEqual(['line\n141\n', '']);
    expect(isAlive(task.pids[0] as number)).toBe(false);
    expect((await task.cli.run(['once', '--peek', 'task'])).stdout).toMatch(/^task has no result: /);
  });

  it.each([
    ['those who wait for it', '', ''],
    ['a waiter for another command that takes the outcome of any', '--any-command', 'true; '],
  ])('leaves the run to %s [X39]', async (_whom, flag, other) => {
    const task = new Task();
    const { words, end } = printing(task);
    const { call, leaves } = readOnce(task, words);
    const pid = await task.begun();
    const waits = `${once} ${flag} task -- ${words.replace("sh -c '", `sh -c '${other}`)}`;
    const waiter = task.cli.program('sh', ['-c', waits]);
    await waiter.says(/waiting for task/, 'stderr');
    await leaves();
    end();
    const { code, stdout } = await waiter.exits();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^(line\n)+the end\n$/);
    expect((await call.exits()).stdout).toBe('0\n');
    expect(task.pids).toEqual([pid]);
  });

  it('is not kept from ending it by a waiter for another command of the ID [X39]', async () => {
    const task = new Task();
    const { call, leave } = readOnce(task, printing(task).words);
    await task.begun();
    const waiter = task.cli.program('sh', ['-c', `${once} task -- echo other`]);
    await waiter.says(/waiting for task/, 'stderr');
    leave.open();
    expect((await call.exits()).stdout).toBe('141\n');
    expect((await waiter.exits()).stdout).toBe('other\n');
  });

  it('ends its follower, and not the run [X39]', async () => {
    const task = new Task();
    const { words, end } = printing(task);
    await task.cli.program('sh', ['-c', `${once} --detach task -- ${words}`]).exits();
    const follow = `${once} --follow task | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = await task.cli.program('bash', ['-c', follow]).exits();
    expect(stdout).toBe('line\n141\n');
    expect((await task.cli.run(['once', '--active', 'task'])).code).toBe(0);
    end();
    expect((await task.cli.run(['once', '--wait', 'task'])).code).toBe(0);
  });
});

describe('a reader that stands still', () => {
  it('keeps nobody from ending the run by a signal [X39]', async () => {
    const task = new Task();
    const stall = new Latch(join(task.cli.home, 'stall'));
    const script = `echo $$ >> ${task.runs}; yes`;
    const line = `exec ${once} task -- sh -c '${script}' > >(exec 3<&0; : < ${stall.path})`;
    const running = task.cli.program('bash', ['-c', line]);
    const pid = await task.begun();
    running.signal('SIGTERM');
    await within(running.exited, 'the end of the run');
    expect(isAlive(pid)).toBe(false);
    stall.open();
  });
});

describe('a follower', () => {
  it.each([
    ['its time is up', ['--timeout', '10ms'], 124],
    ['its run is stopped', [], 143],
  ] as const)('ends when %s, also the one that has started the run [X39]', async (_when, flags, code) => {
    const task = new Task();
    const follower = task.start('--follow', ...flags);
    await task.begun();
    if (flags.length === 0) await task.cli.run(['once', '--stop', 'task']);
    expect((await follower.exits()).code).toBe(code);
    const second = task.cli.start(['once', '--follow', 'task']);
    if (flags.length === 0) return void (await second.exits());
    await second.says(/started/);
    await task.cli.run(['once', '--stop', 'task']);
    expect((await second.exits()).code).toBe(143);
  });

  it('without a command ends in one way when its run has no result, whether it came before its end or after it [X37, A16]', async () => {
    const task = new Task('kill -TERM $$');
    await task.start('--detach', '--quiet').exits();
    await task.begun();
    const follow = () => task.cli.start(['once', '--follow', '--quiet', 'task']);
    const early = follow();
    await early.says(/started/);
    task.open();
    const stderr = /^holdfast: task has no result: its last run was ended by SIGTERM\. Start it: /;
    for (const each of [early, follow()]) {
      expect(await each.exits()).toMatchObject({ code: 125, stderr: expect.stringMatching(stderr) });
    }
  });
});
