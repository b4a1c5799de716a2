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
      expect(stderr).toMatch(/ task was tried once without a result; the last run died/);

      const five = task.start(deed, '--attempts', '5');
      for (let run = 2; run <= 5; run++) await killRun(task, await task.begun(run));
      await task.begun(6);
      task.open();
      expect((await five.exits()).code).toBe(0);
    },
  );
});
