import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { Latch } from '../support/latch.ts';
import { main } from './cli.ts';
import { isAlive, Task } from './task.ts';

const once = `'${process.execPath}' '${main}' once`;

/** A command that prints lines until a file is there. */
function printing(task: Task) {
  const over = join(task.cli.home, 'over');
  const script = `echo $$ >> ${task.runs}; until test -e ${over}; do echo line; sleep 0.01; done; echo the end`;
  return { words: `sh -c '${script}'`, end: () => writeFileSync(over, '') };
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

  it('leaves the run to those who wait for it [X39]', async () => {
    const task = new Task();
    const { words, end } = printing(task);
    const leave = new Latch(join(task.cli.home, 'leave'));
    const first = task.cli.program('bash', [
      '-c',
      `${once} task -- ${words} | { read -r; : < ${leave.path}; }`,
    ]);
    const pid = await task.begun();
    const waiter = task.cli.program('sh', ['-c', `${once} task -- ${words}`]);
    await waiter.says(/waiting for task/, 'stderr');
    leave.open();
    end();
    const { code, stdout } = await waiter.exits();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^(line\n)+the end\n$/);
    await first.exits();
    expect(task.pids).toEqual([pid]);
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
});
