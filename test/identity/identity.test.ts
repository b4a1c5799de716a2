import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { commandLine, self } from '../../src/identity/self.ts';

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

  it('shows the command as its user typed it [A4]', () => {
    expect(commandLine(['/usr/bin/node', '/app/bin/aba', 'mirror', 'save'])).toBe('aba mirror save');
    expect(commandLine(['/usr/bin/node'])).toBe('node');
    expect(commandLine([])).toBe('node');
  });
});
