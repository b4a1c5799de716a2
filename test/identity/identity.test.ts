import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { machineDigest } from '../../src/identity/machine.ts';
import { commandLine, self } from '../../src/identity/self.ts';

describe('the record of this process', () => {
  it('tells who it is, in a way that a recycled pid cannot [H1]', () => {
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

  it('names the machine without telling its id, which is not for everybody to see [H5]', () => {
    const id = readFileSync('/etc/machine-id', 'latin1').trim();

    expect(JSON.stringify(self())).not.toContain(id);
    expect(id).not.toContain(self().machine);
  });

  it('names another machine in another way, and this one always in the same [H5]', () => {
    const [one, other] = ['0', '1'].map((digit) => machineDigest(digit.repeat(32)));

    expect(one).not.toBe(other);
    expect(machineDigest('0'.repeat(32))).toBe(one);
  });

  it('shows the command as its user typed it [A4]', () => {
    expect(commandLine(['/usr/bin/node', '/app/bin/aba', 'mirror', 'save'])).toBe('aba mirror save');
    expect(commandLine(['/usr/bin/node'])).toBe('node');
    expect(commandLine([])).toBe('node');
  });
});
