import { describe, expect, it } from 'vitest';
import { Task } from './task.ts';

/** Kills the run that is under way: its runner and its command. */
async function killRun(task: Task, pid: number): Promise<void> {
  process.kill(await task.runner(), 'SIGKILL');
  process.kill(-pid, 'SIGKILL');
}

describe('a run in the background that is killed each time', () => {
  it.each(['--wait', '--follow'])(
    'is begun again by %s as often as it was told to [A1, A12]',
    async (deed) => {
      const task = new Task();
      const one = task.start(deed, '--attempts', '1');
      await killRun(task, await task.begun());
      const { code, stderr } = await one.exits();
      expect([code, task.pids.length]).toEqual([125, 1]);
      expect(stderr).toMatch(
        / task was tried once without a result; the last run ended without a word, as when it is killed/,
      );

      const five = task.start(deed, '--attempts', '5');
      for (let run = 2; run <= 5; run++) await killRun(task, await task.begun(run));
      await task.begun(6);
      task.open();
      expect((await five.exits()).code).toBe(0);
    },
  );
});

it('a follower is told where the output of the next run begins, when one died, also with --quiet [A11, R82]', async () => {
  const task = new Task();
  const first = task.start('--follow', '--quiet');
  await task.begun();
  const json = task.start('--follow', '--json');
  const both = [first, json];
  for (const each of both) await each.says(/^started\n/);
  await killRun(task, task.pids[0] as number);
  await task.begun(2);
  for (const each of both) await each.says(/started\nstarted\n/);
  task.open();

  const stdout = `started\nstarted\nfinished by ${task.pids[1]}\n`;
  const stderr = 'holdfast: task: run 1 died; what follows is of run 2\n';
  expect(await first.exits()).toMatchObject({ code: 0, stdout, stderr });
  const told = await json.exits();
  expect(told).toMatchObject({ code: 0, stdout });
  const last = told.stderr.trim().split('\n').at(-1) as string;
  expect(JSON.parse(last)).toEqual({ event: 'next-run', id: 'task', run: 2, after: 1, why: 'died' });
});

it('the output of the next run begins a line, also where that of the one before was cut off within one [A11, R82]', async () => {
  const task = new Task();
  Object.assign(task, { words: task.words.map((word) => word.replace('echo started', 'printf started')) });
  const follower = task.start('--follow');
  await task.begun();
  await follower.says(/^started$/);
  await killRun(task, task.pids[0] as number);
  await task.begun(2);
  await follower.says(/started\nstarted$/);
  task.open();
  expect((await follower.exits()).stdout).toBe(`started\nstartedfinished by ${task.pids[1]}\n`);
});
