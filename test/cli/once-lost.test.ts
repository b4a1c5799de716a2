import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { locksIn } from '../support/place.ts';
import { isAlive, Task } from './task.ts';

it('a command is ended when the lock of its run is lost, and has no result [A1, H7, X58]', async () => {
  const task = new Task();
  const running = task.start('--scope', 'user');
  const pid = await task.begun();
  rmSync(locksIn(task.cli.home).pathOf('once:task'));
  const { code, stderr } = await running.exits();
  expect(code).toBe(125);
  expect(stderr).toMatch(/^holdfast: The lock on once:task is not held: /);
  expect(isAlive(pid)).toBe(false);
  expect(task.pids).toEqual([pid]);
});
