import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { commandLine, self } from '../../src/identity/self.ts';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
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
      timeNamespace: expect.stringMatching(/^\d+$/),
      machine: expect.stringMatching(/^[0-9a-f]{16}$/),
      thread: 0,
    });
  });

  it('names the machine without telling its id, which is not for everybody to see [H5, R68]', () => {
    const id = readFileSync('/etc/machine-id', 'latin1').trim();

    expect(JSON.stringify(self())).not.toContain(id);
    expect(id).not.toContain(self().machine);
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

it('sees whether a process is stopped [R11]', async () => {
  const child = new Child('sleep', ['600']);
  expect(processFacts.isStopped(child.pid)).toBe(false);
  child.signal('SIGSTOP');
  await untilStopped(child.pid);
  expect(processFacts.isStopped(child.pid)).toBe(true);
  expect(processFacts.isStopped(2 ** 30)).toBeUndefined();
});
