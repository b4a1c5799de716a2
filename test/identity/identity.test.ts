import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { liveness, processFacts } from '../../src/identity/index.ts';
import { commandLine, self } from '../../src/identity/self.ts';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';
import { untilStopped } from '../support/until.ts';

describe('the record of this process', () => {
  it('tells who it is, in a way that a recycled pid cannot [R3, G12, H1]', () => {
    expect(self()).toMatchObject({
      pid: process.pid,
      host: hostname(),
      user: userInfo().username,
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
      start: expect.stringMatching(/^\d+$/),
      pidNamespace: expect.stringMatching(/^\d+$/),
    });
  });

  it('is in the lock file while the lock is held, with the time, and gone after [R3, G12, F3]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    const before = Date.now();
    const { path } = await holder.acquire('mirror', { purpose: 'nightly save' });

    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(new RegExp(`^pid ${holder.pid}$`, 'm'));
    expect(text).toMatch(/^purpose "nightly save" *$/m);
    const since = Date.parse(/^since (.*)$/m.exec(text)?.[1] as string);
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(Date.now());

    await holder.release();
    expect(readFileSync(path, 'utf8')).not.toContain('pid');
  });

  it('shows the command as its user typed it [A4]', () => {
    expect(commandLine(['/usr/bin/node', '/app/bin/aba', 'mirror', 'save'])).toBe('aba mirror save');
    expect(commandLine(['/usr/bin/node'])).toBe('node');
    expect(commandLine([])).toBe('node');
  });
});

describe('whether the process of a record lives', () => {
  it('is alive while it runs, and dead once it was killed [F7, R45]', async () => {
    const child = spawn('sleep', ['600']);
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    const pid = child.pid as number;
    const record = { ...self(), pid, start: processFacts.startTime(pid) as string };

    expect(liveness(record)).toBe('alive');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(liveness(record)).toBe('dead');
  });

  it('is dead when its pid belongs to another process by now [F7, H1]', () => {
    expect(liveness({ ...self(), start: '1' })).toBe('dead');
  });

  it('is dead when the machine was booted since [F7, H2]', () => {
    expect(liveness({ ...self(), boot: '00000000-0000-0000-0000-000000000000' })).toBe('dead');
  });

  it('is unknown from another pid namespace, and without a pid or a start time [F7, H3]', async () => {
    expect(liveness({ ...self(), pidNamespace: '1' })).toBe('unknown');
    expect(liveness({})).toBe('unknown');
    const { start: _start, ...without } = self();
    expect(liveness(without)).toBe('unknown');
  });
});

it('a process inside a container is met as a holder, and its pid is not mistaken for one of ours [H3, F7]', async () => {
  const home = tempDirectory();
  const inside = await Agent.start({
    home,
    through: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
  });
  const [outside] = await Agent.several(home, 1);
  await inside.acquire('mirror', { purpose: 'inside' });

  const { state, holders } = await outside.run(({ manager }) => manager.inspect('mirror'));
  expect(state).toBe('exclusive');
  expect(holders).toHaveLength(1);
  expect(await outside.couldAcquire('mirror')).toBe(false);

  await inside.release();
  await outside.acquire('mirror', { purpose: 'outside' });
  await expect(inside.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
    code: 'HOLDFAST_BUSY',
    holders: [{ purpose: 'outside' }],
  });
});

it('sees whether a process is stopped [R11]', async () => {
  const child = spawn('sleep', ['600']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = child.pid as number;
  expect(processFacts.isStopped(pid)).toBe(false);
  child.kill('SIGSTOP');
  await untilStopped(pid);
  expect(processFacts.isStopped(pid)).toBe(true);
  expect(processFacts.isStopped(2 ** 30)).toBeUndefined();
});
